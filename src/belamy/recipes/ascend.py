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


def _r3gan(
    network: Part, latent: int, over: int, weight: float, strength: float, half_life: int, batch: int
) -> gan.Recipe:
    """The published schedule: everything on a cosine over the first samples, and then constant.

    Args:
        network: The generator's, which the discriminator mirrors.
        latent: Size of the latents.
        over: Samples over which things change.
        weight: Of R1 and R2 in the end; it begins ten times as large.
        strength: Probability of augmentations in the end; it begins with none.
        half_life: Of the average in the end; it begins with no average.
        batch: Samples in a step.
    """
    adam = Part(name="adam", lr=5e-5, beta1=0.0, beta2=0.99)

    def ramp(of: str, start: float) -> Part:
        return Part(name="cosine", of=of, start=start, over=over)

    optimizers = ("generator_optimizer", "discriminator_optimizer")
    return gan.Recipe(
        data="avatars-64",
        generator=network,
        discriminator=network,
        latent=latent,
        generator_condition=Part(name="embedding"),
        discriminator_condition=Part(name="projection"),
        adversarial=Part(name="relativistic-pairing"),
        penalties=(Part(name="r1", weight=weight), Part(name="r2", weight=weight)),
        views=(Part(name="adaptive", target=None, strength=strength, colour=0.5, cutout=1.0),),
        fresh_latents=True,
        batch=batch,
        train_samples=5 * over // 4,
        ema_half_life=half_life,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ramps=(
            *(ramp(f"penalties.{name}.weight", 10 * weight) for name in ("r1", "r2")),
            *(ramp(f"{name}.lr", 2e-4) for name in optimizers),
            *(ramp(f"{name}.beta2", 0.9) for name in optimizers),
            ramp("views.adaptive.strength", 0.0),
            ramp("ema_half_life", 0.0),
        ),
    )


def r3gan_cifar() -> gan.Recipe:
    """R3GAN of CIFAR-10 as published, with its schedule over 20 million samples (Huang et al. 2024).

    *Departs from the paper* in the length, which is ours, 25 million samples; in the generator's turn, which compares
    with the same real images; and in a tanh after the last layer.
    """
    network = Part(name="r3gan", width=768, growth=1, resampling="binomial")
    return _r3gan(network, 64, 20_000_000, 0.005, 0.55, 5_000_000, 512).changed(data="cifar10")


def r3gan_ffhq_64() -> gan.Recipe:
    """R3GAN of 64 pixels with the published widths and schedule of FFHQ; name your own data (Huang et al. 2024).

    *Departs from the paper* as ``r3gan-cifar`` does.
    """
    network = Part(name="r3gan", width=384, growth=2, resampling="binomial")
    return _r3gan(network, 64, 20_000_000, 0.2, 0.3, 500_000, 256)


def r3gan_128() -> gan.Recipe:
    """R3GAN of 128 pixels, between the published ones of 64 and of 256 pixels.

    The paper has none of this size: the penalties' weight, 17 to 1.7, is the geometric mean of
    those of 64 and of 256 pixels.
    """
    network = Part(name="r3gan", width=192, growth=4, resampling="binomial")
    return _r3gan(network, 64, 20_000_000, 1.7, 0.3, 500_000, 256).changed(size=128)


def r3gan_ffhq_256() -> gan.Recipe:
    """R3GAN of 256 pixels with the published widths and schedule of FFHQ; name your own data (Huang et al. 2024).

    *Departs from the paper* as ``r3gan-cifar`` does.
    """
    network = Part(name="r3gan", width=96, growth=8, resampling="binomial")
    return _r3gan(network, 64, 20_000_000, 15.0, 0.3, 500_000, 256).changed(size=256)


def r3gan_imagenet_32() -> gan.Recipe:
    """R3GAN of 32 pixels with the published widths and schedule of ImageNet; name your own data (Huang et al. 2024).

    *Departs from the paper* as ``r3gan-cifar`` does.
    """
    network = Part(name="r3gan", width=1536, growth=1, group=32, resampling="binomial")
    return _r3gan(network, 64, 200_000_000, 0.05, 0.5, 50_000_000, 4096).changed(size=32)


def r3gan_imagenet_64() -> gan.Recipe:
    """R3GAN of 64 pixels with the published widths and schedule of ImageNet; name your own data (Huang et al. 2024).

    *Departs from the paper* as ``r3gan-cifar`` does.
    """
    network = Part(name="r3gan", width=1536, growth=1, group=32, resampling="binomial")
    return _r3gan(network, 64, 200_000_000, 0.1, 0.4, 50_000_000, 4096)


def r3gan_64() -> gan.Recipe:
    """R3GAN in small of 64 pixels, for a CPU: its schedule within 100,000 samples, on networks of 128 to 8 channels."""
    network = Part(name="r3gan", width=8, growth=16, blocks=1)
    ours = _r3gan(network, 64, 100_000, 0.2, 0.3, 20_000, 32)
    adam = Part(name="adam", lr=2.5e-4, beta1=0.0, beta2=0.99)
    ramps = (ramp.model_copy(update={"start": 1e-3}) if "lr" in ramp.options["of"] else ramp for ramp in ours.ramps)
    return ours.changed(
        generator_optimizer=adam, discriminator_optimizer=adam, ramps=tuple(ramps), train_samples=200_000
    )


def fastgan_64() -> gan.Recipe:
    """FastGAN in small of 64 pixels, for a CPU and small sets of pictures (Liu et al. 2021).

    *Departs from the paper* in widths, batch, rates and length, which are ours.
    """
    return fastgan_256().changed(
        size=None,
        generator=Part(name="fastgan", width=16, growth=8),
        discriminator=Part(name="fastgan", width=24, growth=4),
        latent=128,
        batch=16,
        train_samples=200_000,
        ema_half_life=10_000,
        generator_optimizer=Part(name="adam", lr=4e-4, beta1=0.5, beta2=0.99),
        discriminator_optimizer=Part(name="adam", lr=4e-4, beta1=0.5, beta2=0.99),
    )


def fastgan_256() -> gan.Recipe:
    """FastGAN of 256 pixels: hinge loss, batches of 8, 50,000 steps; name your own data (Liu et al. 2021).

    Pictures are changed alike before the discriminator sees them (colour, translation), and its own reconstruction of
    real ones joins its loss.

    *Departs from the paper* in the channels, which it does not tell, and in the features of the reconstruction's
    distance, those of the embedded EfficientNet-lite0.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5)
    return gan.Recipe(
        data="avatars-64",
        size=256,
        generator=Part(name="fastgan", width=32, growth=32),
        discriminator=Part(name="fastgan", width=64, growth=8),
        latent=256,
        generator_condition=Part(name="embedding"),
        discriminator_condition=Part(name="projection"),
        adversarial=Part(name="hinge"),
        penalties=(Part(name="self-supervised"),),
        views=(Part(name="diff-augment", policy="colour+translation"),),
        batch=8,
        train_samples=400_000,
        ema_half_life=5_500,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def projected_64() -> gan.Recipe:
    """Projected GAN in small of 64 pixels, for a CPU and small sets: FastGAN's generator, judged by frozen features.

    *Departs from the paper* (Sauer et al. 2021) in widths, batch, rates and length, which are ours.
    """
    adam = Part(name="adam", lr=4e-4, beta1=0.0, beta2=0.99)
    return fastgan_64().changed(
        discriminator=Part(name="projected", width=32, hidden=64),
        discriminator_weights=(Part(name="spectral"),),
        penalties=(),
        views=(Part(name="diff-augment"),),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )
