"""Belamy's own recipes."""

from belamy.methods import gan
from belamy.registry import Part

SMALL = gan.Recipe(
    generator=Part(name="digits"),
    discriminator=Part(name="digits"),
    latent=64,
    batch=64,
    train_samples=300_000,
    turns="simultaneous",
    generator_condition=Part(name="embedding"),
    discriminator_condition=Part(name="projection"),
    auxiliary=0.3,
    penalties=(Part(name="r1", weight=1.0, every=8),),
    generator_optimizer=Part(name="adam", lr=2e-3, beta1=0.0, beta2=0.99),
    discriminator_optimizer=Part(name="adam", lr=2e-3, beta1=0.0, beta2=0.99),
    schedule=Part(name="linear", end=1.0, warmup=0.02),
    ema_half_life=50_000,
)
"""What our GANs and small forms of others' have in common: class-conditional where the data have labels (embedding,
projection, class scores), non-saturating loss with a lazy R1 penalty, both players from one forward pass, Adam with a
high rate and no momentum, and an average of the generator's weights whose half-life is a tenth of the samples seen, at
most 50,000."""


def digits() -> gan.Recipe:
    """Our own small GAN: good digits in two minutes on two CPU cores; works on any images, with labels or without.

    Each generated image is compared with a real one, R1 and R2 hold the discriminator smooth, it sees how varied a
    batch is, and the rates fall to a tenth: so the samples are nearly as varied as real digits (docs/quality.md).
    """
    return SMALL.changed(
        auxiliary=0.1,
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=1.0, every=8), Part(name="r2", weight=1.0, every=8)),
        statistics=(Part(name="minibatch-standard-deviation"),),
        schedule=Part(name="linear", end=0.1, warmup=0.02),
    )


def pictures() -> gan.Recipe:
    """Our GAN for a folder of pictures: size, width, labels and length are chosen for it and for the time there is.

    What is written here holds for 1,500 pictures of 64 pixels and half an hour of one CPU core; see
    ``belamy.training.plans.pictures`` for what it becomes of other pictures. The evidence is in docs/pictures.md.
    """
    return SMALL.changed(
        data="avatars-64",
        generator=Part(name="pictures"),
        discriminator=Part(name="pictures"),
        batch=32,
        auxiliary=0.0,
        statistics=(Part(name="minibatch-standard-deviation"),),
        views=(Part(name="diff-augment"),),
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=0.3, every=8), Part(name="r2", weight=0.3, every=8)),
        schedule=Part(name="linear", end=0.1, warmup=0.02),
    )


def sounds() -> gan.Recipe:
    """Our GAN for sounds of a class in minutes of one CPU core: SpecGAN's networks an eighth as wide, our game.

    Log-magnitudes are pictures, so R3GAN's loss and penalties and class scores hold for them. The evidence, and that a
    few hundred sounds are too few for it, is in docs/sound.md.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99)
    return SMALL.changed(
        data="drums",
        length=8192,
        representation=Part(name="log-magnitude"),
        generator=Part(name="specgan", width=8),
        discriminator=Part(name="specgan", width=8),
        latent=100,
        batch=16,
        train_samples=100_000,
        auxiliary=1.0,
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=0.1, every=8), Part(name="r2", weight=0.1, every=8)),
        schedule=Part(name="linear", end=0.1, warmup=0.02),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_half_life=5_000,
    )


def pitched_notes() -> gan.Recipe:
    """Our GAN for notes of a pitch, half a second long: ``sounds`` on GANSynth's magnitudes and turns of phase.

    Class scores count twice as much, for few sounds of each pitch tell a critic little of it.
    """
    return sounds().changed(
        data="notes",
        auxiliary=2.0,
        representation=Part(name="instantaneous-frequency"),
        latent=32,
        statistics=(Part(name="minibatch-standard-deviation"),),
    )


def stacked_mnist() -> gan.Recipe:
    """Our small GAN on three digits stacked as colours, without labels: 1,000 modes to find.

    998 of them among 26,000 samples after 286,000 training samples, eight minutes of one CPU core.
    """
    unconditional = Part(name="unconditional")
    return SMALL.changed(
        data="stacked-mnist",
        discriminator=Part(name="digits", width=32, hidden=256),
        generator_condition=unconditional,
        discriminator_condition=unconditional,
        auxiliary=0.0,
        train_samples=1_100_000,
        schedule=Part(name="linear", end=0.1, warmup=0.02),
    )


def dense_table() -> gan.Recipe:
    """Our plain GAN for rows of tables and vectors: dense layers, Wasserstein's loss with a gradient penalty.

    A baseline to compare with, from no paper: no modes of columns are looked for and rare categories are not balanced.
    Conditional where the data have labels.
    """
    return gan.Recipe(
        data="customers",
        generator=Part(name="dense"),
        discriminator=Part(name="dense"),
        latent=32,
        batch=128,
        train_samples=1_500_000,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty", weight=10.0),),
        critic_steps=3,
        generator_condition=Part(name="embedding"),
        discriminator_condition=Part(name="projection"),
        generator_optimizer=Part(name="adam", lr=3e-4, beta1=0.5, beta2=0.9),
        discriminator_optimizer=Part(name="adam", lr=3e-4, beta1=0.5, beta2=0.9),
        ema_half_life=20_000,
    )
