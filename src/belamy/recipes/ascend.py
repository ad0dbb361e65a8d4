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
