"""Generators of sound after their papers."""

from belamy.methods import enhancement, gan
from belamy.registry import Part


def wavegan() -> gan.Recipe:
    """WaveGAN of 16,384 samples: a Wasserstein GAN with a gradient penalty on waveforms (Donahue et al. 2019).

    200,000 generator steps of 64 sounds and five critic steps each: days on a CPU. ``wavegan-small`` is for minutes.
    """
    adam = Part(name="adam", lr=1e-4, beta1=0.5, beta2=0.9)
    return gan.Recipe(
        data="drums",
        length=16384,
        generator=Part(name="wavegan"),
        discriminator=Part(name="wavegan"),
        latent=100,
        prior=Part(name="uniform"),
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        critic_steps=5,
        fresh_latents=True,
        batch=64,
        train_samples=64_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def wavegan_small() -> gan.Recipe:
    """WaveGAN of 8,192 samples an eighth as wide, for a CPU.

    *Departs from the paper*: width 8, batches of 32, faster rates, averaged weights, 120,000 samples.
    """
    adam = Part(name="adam", lr=4e-4, beta1=0.5, beta2=0.9)
    return wavegan().changed(
        length=8192,
        generator=Part(name="wavegan", width=8),
        discriminator=Part(name="wavegan", width=8),
        batch=32,
        train_samples=120_000,
        ema_half_life=5_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def segan() -> enhancement.Recipe:
    """SEGAN in the book's form (chapter 10): speech made clean, five layers of stride 4, a million iterations.

    *Departs from the book*: a million iterations draw two batches of 256 each; unless the data are pairs of clean and
    noisy sounds, noises are mixed in here.
    """
    slow = Part(name="rmsprop", lr=5e-5)
    return enhancement.Recipe(
        data="drums",
        length=16384,
        snr_low=0.0,
        generator=Part(name="segan"),
        discriminator=Part(name="segan"),
        adversarial_weight=1.0,
        reconstruction_weight=100.0,
        spectral_weight=0.0,
        turns="separate",
        fresh_batch=True,
        batch=256,
        train_samples=512_000_000,
        generator_optimizer=slow,
        discriminator_optimizer=slow,
    )


def segan_small() -> enhancement.Recipe:
    """SEGAN an eighth as wide, for a CPU.

    *Departs from the book*: width 8, slopes by channel, one batch of 32 for both players, faster rates, averages.
    """
    fast = Part(name="rmsprop", lr=2e-4)
    return segan().changed(
        generator=Part(name="segan", width=8, slopes="channel"),
        discriminator=Part(name="segan", width=8, slopes="channel"),
        fresh_batch=False,
        batch=32,
        train_samples=200_000,
        ema_half_life=5_000,
        generator_optimizer=fast,
        discriminator_optimizer=fast,
    )


def speech_enhancer() -> enhancement.Recipe:
    """A light network that makes speech clean as it comes, 32 ms late: a mask on the spectrum, no discriminator."""
    return enhancement.Recipe(
        data="drums",
        length=16384,
        schedule=Part(name="cosine", warmup=0.02),
        clip_norm=5.0,
        batch=16,
        train_samples=200_000,
        ema_half_life=5_000,
    )
