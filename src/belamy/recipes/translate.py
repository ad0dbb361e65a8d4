"""Networks that translate pictures into pictures: what was published, and forms for a CPU."""

from belamy.methods import cut, cyclegan
from belamy.registry import Part

SMALL = {"name": "resnet-translator", "width": 24, "blocks": 4, "halvings": 1, "resampling": "nearest"}
"""The generator for pictures of 32 to 64 pixels; what need not change is kept."""

PATCHES = Part(name="patch-gan", width=64, receptive_field=70)
"""The published discriminator."""


def cyclegan_256() -> cyclegan.Recipe:
    """CycleGAN for pictures of 256 pixels, between two folders without pairs (Zhu et al. 2017).

    The published form: nine blocks, patches of 70, pictures enlarged to 286 and cut, one at a time, and 200 passes over
    horse2zebra's 1,067 horses.
    """
    return cyclegan.Recipe(
        data="dead-leaves", other="patterns", size=256,
        generator=Part(name="resnet-translator", width=64, blocks=9), discriminator=PATCHES, jitter=30 / 256,
        train_samples=200 * 1_067,
    )  # fmt: skip


def cyclegan_small() -> cyclegan.Recipe:
    """CycleGAN for pictures of 32 to 64 pixels in CPU-minutes, between two folders without pairs.

    *Departs from the paper*: narrow networks that blend what is new with what was given, patches of 16 pixels, batches,
    faster rates and averaged weights.
    """
    return cyclegan.Recipe(
        data="avatars-32", other="avatars-16", size=32, generator=Part(**SMALL, blended=True),
        discriminator=Part(name="patch-gan", width=32, receptive_field=16), batch=8, train_samples=40_000,
        ema_half_life=2_000, generator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
    )  # fmt: skip


def discogan() -> cyclegan.Recipe:
    """DiscoGAN for pictures of 64 pixels: what two sides have in common, found without pairs (Kim et al. 2017).

    Cross-entropies and squared errors of equal weight, encoders and decoders without shortcuts, batches of 200.

    *Departs from the published code*: no feature matching, and the weights stay as in the paper's equations throughout.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5)
    return cyclegan.Recipe(
        data="avatars-64", other="avatars-16", size=64, generator=Part(name="discogan", width=64),
        discriminator=Part(name="discogan", width=64), adversarial=Part(name="non-saturating"),
        reconstruction=Part(name="squared-error"), cycle_weight=1.0, identity_weight=0.0, pool=0, mirror=False,
        generator_norm=Part(name="native"), discriminator_norm=Part(name="native"), generator_optimizer=adam,
        discriminator_optimizer=adam, schedule=Part(name="constant"), batch=200, train_samples=1_000_000,
    )  # fmt: skip


def cut_256() -> cut.Recipe:
    """CUT for pictures of 256 pixels, one way between two folders without pairs (Park et al. 2020).

    The published form: nine blocks, blurred halvings, the contrast of places and that of the second side, 400 passes
    over horse2zebra's 1,067 horses.
    """
    return cut.Recipe(
        data="dead-leaves", other="patterns", size=256,
        generator=Part(name="resnet-translator", width=64, blocks=9, resampling="filtered"), discriminator=PATCHES,
        jitter=30 / 256, train_samples=400 * 1_067,
    )  # fmt: skip


def fastcut_256() -> cut.Recipe:
    """FastCUT for pictures of 256 pixels: a contrast of weight 10, mirrored pictures, half the time (Park et al. 2020).

    The published form: 200 passes over horse2zebra's 1,067 horses, of which 150 at the full rate.
    """
    schedule = Part(name="linear", start=0.75)
    return cut_256().changed(
        contrast_weight=10.0, identity_contrast_weight=0.0, flip_equivariance=True, mirror=False, schedule=schedule,
        train_samples=200 * 1_067,
    )  # fmt: skip


def cut_small() -> cut.Recipe:
    """CUT for pictures of 32 to 64 pixels in CPU-minutes, one way between two folders without pairs.

    *Departs from the paper*: narrow networks that blend what is new with what was given, patches of 16 pixels, 64
    places a map, batches, faster rates and averaged weights.
    """
    return cut.Recipe(
        data="avatars-32", other="avatars-16", size=32, generator=Part(**SMALL, blended=True),
        discriminator=Part(name="patch-gan", width=32, receptive_field=16), patches=64, features=64, batch=8,
        train_samples=64_000, ema_half_life=2_000, generator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
    )  # fmt: skip
