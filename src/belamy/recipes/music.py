"""Music for four voices after its papers."""

from belamy.methods import accompaniment, char_lm, gan, n_grams, vae
from belamy.registry import Part


def musegan() -> gan.Recipe:
    """MuseGAN's hybrid model from scratch: a Wasserstein GAN with a gradient penalty on piano rolls (Dong et al. 2018).

    50,000 generator steps of 64 pieces and five critic steps each: a day on a CPU. ``musegan-small`` is for minutes.

    *Departs from the paper*, which has four bars of 96 steps, five tracks and 84 pitches: four bars of 16 steps, four
    voices, 46 pitches, in the key without sharps and flats; the rate stays as it is at the end.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.5, beta2=0.9)
    return gan.Recipe(
        data="progressions",
        modality="music:key=common",
        length=64,
        generator=Part(name="musegan"),
        discriminator=Part(name="musegan"),
        latent=320,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        critic_steps=5,
        fresh_latents=True,
        batch=64,
        train_samples=16_000_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def musegan_small() -> gan.Recipe:
    """MuseGAN's hybrid model with narrow layers and latents of 160 numbers, for a CPU.

    *Departs from the paper* further: widths 16 and 24, two critic steps, batches of 32, averaged weights, 100,000
    pieces; the rate falls.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.5, beta2=0.9)
    return musegan().changed(
        generator=Part(name="musegan", width=16),
        discriminator=Part(name="musegan", width=24),
        latent=160,
        critic_steps=2,
        batch=32,
        train_samples=100_000,
        ema_half_life=5_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def musegan_accompaniment() -> accompaniment.Recipe:
    """MuseGAN told a track: three voices are played to a given soprano, or to another voice by ``--given``.

    Widths, critic steps, batches and rate of ``musegan-small``. ``belamy translate RUN tune.mid`` plays to a tune.
    """
    return accompaniment.Recipe(data="progressions", length=64, ema_half_life=5_000)


def music_transformer() -> char_lm.Recipe:
    """Music written event by event by a small causal transformer, which is told where in the bar it is."""
    return char_lm.Recipe(
        data="progressions",
        modality="music:key=common,stride=1",
        length=64,
        network=Part(name="causal-transformer", width=128, depth=3, heads=4, dropout=0.2),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9, beta2=0.98),
        schedule=Part(name="cosine", warmup=0.05),
        batch=16,
        train_samples=40_000,
    )


def music_n_grams() -> n_grams.Recipe:
    """Music written event by event by counts of what followed the last nine: counted in seconds, a rival to beat.

    Samples do not overlap: what a piece costs without itself in the counts would otherwise be told by its own copies.
    """
    return n_grams.Recipe(
        data="progressions",
        modality="music:key=common",
        length=64,
        order=10,
        batch=32,
        train_samples=4_000,
    )


def bar_vae() -> vae.Recipe:
    """Variational autoencoder of two bars of music, to go from one to another between their codes."""
    return vae.Recipe(
        data="progressions",
        modality="music:key=common,stride=1",
        length=32,
        encoder=Part(name="bar-vae"),
        decoder=Part(name="bar-vae"),
        latent=32,
        beta=0.5,
        batch=32,
        train_samples=100_000,
    )
