"""Generators of pictures of 32 to 1024 pixels, and of small sets of pictures."""

from belamy.methods import gan
from belamy.registry import Part


def stylegan2_ada() -> gan.Recipe:
    """StyleGAN2 with adaptive augmentation in small of 64 pixels, for a CPU: the paper's settings for small pictures.

    No mixing of styles and no path length as in ``stylegan2-ada-cifar``, with a fifth of its time for the strength of
    the augmentation to rise.

    *Departs from the paper* in widths, in batches of 32 whose latents serve both players, in R1's weight, which grows
    with the pixels, and in the average's half-life and the length, which are ours.
    """
    return stylegan2_ada_cifar().changed(
        data="avatars-64",
        generator=Part(name="stylegan2", mapping=2, mixing=0.0),
        discriminator=Part(name="stylegan2", form="plain", group=16),
        latent=128,
        penalties=(Part(name="r1", weight=0.04, every=16),),
        views=(Part(name="adaptive", speed=100_000),),
        fresh_latents=False,
        batch=32,
        train_samples=200_000,
        ema_half_life=20_000,
    )


def stylegan2_ada_cifar() -> gan.Recipe:
    """StyleGAN2 with adaptive augmentation of CIFAR-10 as published (Karras et al. 2020, appendix D).

    100 million samples, R1 of weight 0.01 each 16th step, deviations over 32 samples, two layers of mapping, no mixing,
    no path length, no residual connections in the discriminator.

    *Departs from the paper* in bilinear resampling of augmented images, and in the average, whose half-life is a tenth
    of the samples seen at most, not a twentieth.
    """
    adam = Part(name="adam", lr=2.5e-3, beta1=0.0, beta2=0.99)
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="stylegan2", base=8192, widest=512, style=512, mapping=2, mixing=0.0),
        discriminator=Part(name="stylegan2", form="plain", base=8192, widest=512, group=32),
        latent=512,
        generator_condition=Part(name="embedding"),
        discriminator_condition=Part(name="projection"),
        penalties=(Part(name="r1", weight=0.01, every=16),),
        views=(Part(name="adaptive"),),
        fresh_latents=True,
        batch=64,
        train_samples=100_000_000,
        ema_half_life=500_000,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def stylegan2_ada_64() -> gan.Recipe:
    """StyleGAN2 with adaptive augmentation by the paper's rules for 64 pixels; name your own data (Karras et al. 2020).

    Batches of 32, R1 of weight 0.0002 · 64² / 32 each 16th step, path length each fourth on half of the batch, styles
    mixed in nine samples of ten, an average of half-life 10,000. For other sizes r give R1 0.0002 r² / batch.

    *Departs from the paper* as ``stylegan2-ada-cifar`` does.
    """
    return stylegan2_ada_cifar().changed(
        data="avatars-64",
        generator=Part(name="stylegan2", base=8192, widest=512, style=512, mapping=2),
        discriminator=Part(name="stylegan2", base=8192, widest=512),
        penalties=(Part(name="r1", weight=0.0256, every=16), Part(name="path-length", every=4, shrink=2)),
        batch=32,
        train_samples=25_000_000,
        ema_half_life=10_000,
    )
