"""Generators of sound after their papers."""

from belamy.methods import autoregressive, autoregressive_vocoder, enhancement, flow_vocoder, gan, vocoder
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


def specgan() -> gan.Recipe:
    """SpecGAN of 16,384 samples: WaveGAN's game on log-magnitudes of spectra, 128 by 128 (Donahue et al. 2019).

    Phases are found by 16 of Griffin & Lim's iterations. As ``wavegan`` it takes days on a CPU.
    """
    return wavegan().changed(
        representation=Part(name="log-magnitude"),
        generator=Part(name="specgan"),
        discriminator=Part(name="specgan"),
    )


def specgan_small() -> gan.Recipe:
    """SpecGAN of 8,192 samples an eighth as wide, for a CPU.

    *Departs from the paper*: width 8 on 128 by 64 values, batches of 32, faster rates, averaged weights, 120,000
    samples.
    """
    small = wavegan_small()
    return specgan().changed(
        length=small.length,
        generator=Part(name="specgan", width=8),
        discriminator=Part(name="specgan", width=8),
        batch=small.batch,
        train_samples=small.train_samples,
        ema_half_life=small.ema_half_life,
        generator_optimizer=small.generator_optimizer,
        discriminator_optimizer=small.discriminator_optimizer,
    )


def gansynth() -> gan.Recipe:
    """GANSynth of four seconds: notes of a pitch by a progressive GAN on magnitudes and turns of phase.

    1024 frequencies by 128 windows, from 16 by 2; 61 pitches, which the critic learns to tell; 11 million notes (Engel
    et al. 2019). For a GPU.

    *Departs from the paper*: 65,536 samples in place of 64,000 and silence, linear frequencies (its "IF + H"); the
    progressive GAN's linear last layer and its averages, of 0.999 a step.
    """
    adam = Part(name="adam", lr=8e-4, beta1=0.0, beta2=0.99, eps=1e-8)
    size = {"base": 4096, "widest": 256, "smallest": 2}
    return gan.Recipe(
        data="notes:low=24,high=84",
        length=65_536,
        representation=Part(name="instantaneous-frequency", window=2048, hop=512),
        generator=Part(name="progan", **size),
        discriminator=Part(name="progan", **size),
        latent=256,
        generator_condition=Part(name="one-hot"),
        auxiliary=10.0,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"), Part(name="drift")),
        growth=Part(name="progressive", start=2, training=800_000, transition=800_000),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        batch=8,
        train_samples=11_000_000,
        ema_half_life=5_542,
    )


def gansynth_small() -> gan.Recipe:
    """GANSynth of half a second and twelve pitches, for a CPU: 256 frequencies by 64 windows, 32 channels at most.

    *Departs from the paper* further: three sizes from 64 by 16 on, each faded in and trained for 20,000 notes, batches
    of 16.
    """
    size = {"base": 256, "widest": 32}
    return gansynth().changed(
        data="notes",
        length=8192,
        representation=Part(name="instantaneous-frequency", window=512, hop=128),
        generator=Part(name="progan", **size),
        discriminator=Part(name="progan", **size),
        latent=32,
        growth=Part(name="progressive", start=16, training=20_000, transition=20_000),
        batch=16,
        train_samples=200_000,
        ema_half_life=4_000,
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
        variations=(Part(name="speed"), Part(name="equaliser")),
        reconstruction=Part(name="signal-to-noise", limit=30.0),
        reconstruction_weight=0.05,
        generator_optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.02),
        clip_norm=5.0,
        batch=4,
        train_samples=120_000,
        ema_half_life=5_000,
    )


def restorer() -> enhancement.Recipe:
    """Gaps and lost packets filled: a network mixes what rules foretell from before, from behind and from both."""
    interpolated, followed = Part(name="autoregressive-interpolation", order=128), "waveform-substitution"
    return speech_enhancer().changed(
        variations=(),
        degradations=(Part(name="gaps", count=3),),
        rules=(interpolated, Part(name=followed), Part(name=followed, backwards=True)),
        generator=Part(name="restorer"),
        reconstruction=Part(name="signal-to-noise"),
        reconstruction_weight=1.0,
        spectral_weight=0.0,
        train_samples=60_000,
        ema_half_life=1_000,
    )


def declipper() -> enhancement.Recipe:
    """Clipped peaks drawn again: a network mixes what two rules make of them."""
    return restorer().changed(
        degradations=(Part(name="clipping", low=0.1, high=0.6, relative=True),),
        rules=(Part(name="a-spade"), Part(name="autoregressive-interpolation", order=32, iterations=1)),
        train_samples=10_000,
    )


def wavenet() -> autoregressive.Recipe:
    """WaveNet: sounds sample by sample in 256 levels of the µ-law, 300 ms behind each heard (Van den Oord et al. 2016).

    The paper tells neither channels nor rates; fifty layers of 64 channels are days on a CPU.
    """
    return autoregressive.Recipe(
        data="drums",
        length=16384,
        network=Part(name="wavenet"),
        likelihood=Part(name="categorical"),
        conditional=True,
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.02),
        batch=8,
        train_samples=2_000_000,
        ema_half_life=10_000,
    )


def wavenet_small() -> autoregressive.Recipe:
    """WaveNet in small: drum hits of a quarter of a second that are asked for by class, 64 ms behind each heard."""
    return wavenet().changed(
        length=4096,
        network=Part(name="wavenet", width=24, skip=64, layers=9, cycles=2),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        train_samples=40_000,
        ema_half_life=1_000,
    )


def wavenet_vocoder() -> autoregressive_vocoder.Recipe:
    """WaveNet that is told a spectrogram: sounds of 80 mel bands, sample by sample (Van den Oord et al. 2016)."""
    return autoregressive_vocoder.Recipe(
        data="drums",
        length=16384,
        schedule=Part(name="cosine", warmup=0.02),
        batch=8,
        train_samples=2_000_000,
        ema_half_life=10_000,
    )


def wavenet_vocoder_small() -> autoregressive_vocoder.Recipe:
    """WaveNet in small that is told a spectrogram of 40 mel bands, 8 ms apart at 16,000 Hz."""
    return wavenet_vocoder().changed(
        length=4096,
        bands=40,
        frame=512,
        hop=128,
        network=Part(name="wavenet", width=24, skip=64, layers=9, cycles=2),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
        train_samples=40_000,
        ema_half_life=1_000,
    )


def waveglow() -> flow_vocoder.Recipe:
    """WaveGlow as published: sounds of 80 mel bands by a flow of twelve steps (Prenger et al. 2019).

    580,000 iterations of 24 sounds: weeks on eight GPUs. ``waveglow-small`` is for a CPU.
    """
    return flow_vocoder.Recipe(data="drums", length=16384, batch=24, train_samples=13_920_000, ema_half_life=10_000)


def waveglow_small() -> flow_vocoder.Recipe:
    """WaveGlow in small: six steps, thin networks, a spectrogram of 40 mel bands, 8 ms apart at 16,000 Hz."""
    return waveglow().changed(
        length=4096,
        bands=40,
        frame=512,
        hop=128,
        network=Part(name="waveglow", steps=6, every=2, width=32, skip=32, layers=5),
        optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        schedule=Part(name="cosine", warmup=0.02),
        batch=16,
        train_samples=60_000,
        ema_half_life=1_000,
    )


def vocoder_small() -> vocoder.Recipe:
    """Light vocoder after Vocos: blocks at the rate of frames, an inverse Fourier transform, judges of sound."""
    return vocoder.Recipe(
        data="drums",
        length=8192,
        bands=40,
        frame=512,
        hop=128,
        generator=Part(name="vocos", width=96, hidden=288, depth=4),
        discriminator=Part(name="multi-period", width=4, periods=(2, 3, 5), windows=(256, 512, 1024)),
        schedule=Part(name="cosine", warmup=0.02),
        batch=16,
        train_samples=100_000,
        ema_half_life=2_000,
    )
