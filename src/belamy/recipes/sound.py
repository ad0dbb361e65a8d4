"""Generators of sound after their papers."""

from belamy.methods import gan
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
