"""Generators of pictures of 32 to 1024 pixels, and of small sets of pictures."""

from belamy.methods import gan
from belamy.registry import Part


def progan_cifar() -> gan.Recipe:
    """Progressive GAN of CIFAR-10 (Hands-On GANs with Keras, chapter 7): from 4 to 32 pixels, 128 channels everywhere.

    The book's schedule, of 400,000 samples for each fade and each size (500,000 and 25 million samples in its published
    code), and its real images, which are not faded (``--growth.reals faded`` is the paper's way). The slope that the
    critic should have is 750, the paper's for CIFAR-10.

    *Departs from the book* in averaging the generator's weights, as the paper does; the table of minibatches, which its
    code runs out of, is clamped.
    """
    adam = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99, eps=1e-8)
    return gan.Recipe(
        data="cifar10",
        generator=Part(name="progan"),
        discriminator=Part(name="progan"),
        latent=128,
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty", target=750.0, relative=True), Part(name="drift")),
        growth=Part(name="progressive", training=400_000, transition=400_000, reals="full"),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        batch=16,
        train_samples=20_000_000,
        ema_half_life=11_085,
    )


def progan_1024() -> gan.Recipe:
    """Progressive GAN at 1024 pixels (Karras et al. 2017), for a folder of pictures (``--data``) and a large GPU.

    Networks, losses, rates, fades of 800,000 samples, minibatches (16 up to 128 pixels, then 14, 6 and 3) and averaging
    are the paper's; the averages' half-life is that of 0.999 a step of 16. It ends when the last size has seen 800,000.
    A step takes the minibatch of its phase together, so ``--batch`` 1 is only the unit of them.
    """
    size = {"base": 8192, "widest": 512}
    return progan_cifar().changed(
        data="avatars-64",
        size=1024,
        generator=Part(name="progan", **size),
        discriminator=Part(name="progan", **size),
        latent=512,
        penalties=(Part(name="gradient-penalty"), Part(name="drift")),
        growth=Part(
            name="progressive", training=800_000, transition=800_000, minibatches=(16, 16, 16, 16, 16, 16, 14, 6, 3)
        ),
        batch=1,
        train_samples=13_600_000,
    )


def stylegan_1024() -> gan.Recipe:
    """StyleGAN at 1024 pixels (Karras et al. 2018), for a folder of pictures (``--data``) and a large GPU.

    The non-saturating loss with R1, γ = 10, on 25 million samples, from 8 pixels; with ``--adversarial wasserstein
    --penalties gradient-penalty drift`` it is the paper's form for CelebA-HQ.

    *Departs from the paper* in a constant rate of 0.001, which the paper raises with the size, and in fading and
    training each size for as long as progressive GAN does here, 600,000 samples.
    """
    size = {"base": 8192, "widest": 512}
    return progan_1024().changed(
        generator=Part(name="stylegan", style=512, **size),
        discriminator=Part(name="stylegan", **size),
        adversarial=Part(name="non-saturating"),
        penalties=(Part(name="r1", weight=10.0),),
        growth=Part(name="progressive", start=8, training=600_000, transition=600_000),
        batch=32,
        train_samples=25_000_000,
        ema_half_life=10_000,
    )


def stylegan_64() -> gan.Recipe:
    """Small StyleGAN of drawn faces at 64 pixels: from 8 pixels up, in a size that two CPU cores train in an evening.

    The paper's networks with 64 channels, fewer from 16 pixels on. R1 is lazy, on each 8th step.
    """
    size = {"base": 512, "widest": 64}
    return stylegan_1024().changed(
        size=None,
        generator=Part(name="stylegan", style=64, **size),
        discriminator=Part(name="stylegan", **size),
        latent=64,
        penalties=(Part(name="r1", weight=1.0, every=8),),
        growth=Part(name="progressive", start=8, training=20_000, transition=10_000),
        batch=16,
        train_samples=200_000,
        ema_half_life=2_000,
    )


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
