"""Conditional and later GANs after their papers, in sizes that two CPU cores train."""

from belamy.methods import gan
from belamy.recipes.house import SMALL
from belamy.registry import Part


def cgan_mnist() -> gan.Recipe:
    """Conditional GAN of digits: the label joins the latent and, as channels, the image (Mirza & Osindero 2014).

    *Departs from the paper*: the networks and optimisers are those of ``digits``.
    """
    one_hot = Part(name="one-hot")
    return SMALL.changed(generator_condition=one_hot, discriminator_condition=one_hot, auxiliary=0.0)


def acgan_mnist() -> gan.Recipe:
    """Auxiliary-classifier GAN of digits: the discriminator tells classes too (Odena et al. 2016).

    *Departs from the paper*: the discriminator learns classes from real images only; the networks and optimisers are
    those of ``digits``.
    """
    return SMALL.changed(discriminator_condition=Part(name="unconditional"), auxiliary=1.0)


def infogan_mnist() -> gan.Recipe:
    """Information-maximising GAN of digits: a code of ten categories and two numbers, no labels (Chen et al. 2016).

    74 latents as in the paper: 62 of noise, the categories one-hot, two continuous codes.

    *Departs from the paper*: the networks and optimisers are those of ``digits``.
    """
    unconditional = Part(name="unconditional")
    return SMALL.changed(
        latent=74,
        prior=Part(name="coded"),
        generator_condition=unconditional,
        discriminator_condition=unconditional,
        auxiliary=0.0,
        penalties=(Part(name="r1", weight=1.0, every=8), Part(name="mutual-information")),
    )


def sngan_cifar() -> gan.Recipe:
    """Spectrally normalised residual GAN of CIFAR-10, five discriminator steps to one (Miyato et al. 2018).

    100,000 generator steps with the rate falling to zero, as in the paper.

    *Departs from the paper*: the generator's batches are as large as the discriminator's, not twice.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.0, beta2=0.9)
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="sngan"),
        discriminator=Part(name="sngan"),
        latent=128,
        adversarial=Part(name="hinge"),
        penalties=(Part(name="spectral-normalisation"),),
        critic_steps=5,
        fresh_latents=True,
        batch=64,
        train_samples=32_000_000,
        schedule=Part(name="linear", end=0.0),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def sagan_cifar() -> gan.Recipe:
    """Self-attention GAN of CIFAR-10: spectral normalisation of both players, two rates, classes (Zhang et al. 2018).

    *Departs from the paper*: 32 features in place of 64 and batches of 64 in place of 256, for a CPU.
    """
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="sagan", features=32),
        discriminator=Part(name="sagan", features=32),
        latent=128,
        generator_condition=Part(name="batch-norm"),
        discriminator_condition=Part(name="projection"),
        adversarial=Part(name="hinge"),
        penalties=(Part(name="spectral-normalisation"),),
        generator_weights=(Part(name="spectral"),),
        batch=64,
        train_samples=10_000_000,
        ema_half_life=10_000,
        generator_optimizer=Part(name="adam", lr=1e-4, beta1=0.0, beta2=0.9),
        discriminator_optimizer=Part(name="adam", lr=4e-4, beta1=0.0, beta2=0.9),
    )


def r3gan_32() -> gan.Recipe:
    """R3GAN in small, of drawn faces: relativistic pairing with R1 and R2 on residual networks (Huang et al. 2024).

    *Departs from the paper*: narrow networks, batches of 64, constant rates and penalties, and a short average.
    """
    adam = Part(name="adam", lr=5e-4, beta1=0.0, beta2=0.99)
    return gan.Recipe(
        data="avatars-32",
        generator=Part(name="r3gan"),
        discriminator=Part(name="r3gan"),
        latent=64,
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=1.0), Part(name="r2", weight=1.0)),
        batch=64,
        train_samples=200_000,
        ema_half_life=20_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def ebgan_mnist() -> gan.Recipe:
    """Energy-based GAN of digits: the discriminator is an autoencoder, its error the energy (Zhao et al. 2016).

    Margin 10 and the repelling term with weight 0.1; clear digits after some 150,000 samples.

    *Departs from the paper*: the widths are ours, and weights are averaged.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.5)
    return gan.Recipe(
        generator=Part(name="ebgan-mnist"),
        discriminator=Part(name="ebgan-mnist"),
        latent=100,
        adversarial=Part(name="energy-based", margin=10.0),
        penalties=(Part(name="repelling", weight=0.1),),
        batch=64,
        train_samples=300_000,
        ema_half_life=10_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def began_mnist() -> gan.Recipe:
    """Boundary equilibrium GAN of digits: autoencoder losses in a kept proportion (Berthelot et al. 2017).

    *Departs from the paper*: small networks, one convolution a size, and a faster generator and control than the
    paper's; 30,000 samples give strokes more than digits.
    """
    return gan.Recipe(
        generator=Part(name="began", width=16, repeats=1),
        discriminator=Part(name="began", width=16, code=64, repeats=1),
        latent=64,
        prior=Part(name="uniform"),
        adversarial=Part(name="boundary-equilibrium", gamma=0.7, rate=0.01),
        batch=16,
        train_samples=300_000,
        ema_half_life=5_000,
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=3e-4, beta1=0.5),
    )


def gan_3d() -> gan.Recipe:
    """3-D GAN of solids: transposed convolutions in three directions, a discriminator that rests (Wu et al. 2016).

    Its rates, batches and rule: the discriminator learns only if it told at most 80 % of the last batch right. Latents
    uniform on [-1, 1) stand for [0, 1): the normalisation behind the first layer takes the difference out.

    *Departs from the paper*: drawn furniture in place of ShapeNet; the generator minimises -log D, not log(1 - D).
    """
    return gan.Recipe(
        data="shapes:side=64",
        generator=Part(name="gan-3d"),
        discriminator=Part(name="gan-3d"),
        latent=200,
        prior=Part(name="uniform"),
        rest_above=0.8,
        batch=100,
        train_samples=1_000_000,
        generator_optimizer=Part(name="adam", lr=0.0025, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=1e-5, beta1=0.5),
    )
