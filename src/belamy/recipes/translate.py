"""Networks that translate pictures into pictures: what was published, and forms for a CPU."""

from belamy.methods import (
    colourisation,
    context_encoder,
    cut,
    cyclegan,
    inpainting,
    pix2pix,
    pix2pix_hd,
    spade,
    super_resolution,
    vid2vid,
)
from belamy.registry import Part

SMALL = Part(name="resnet-translator", width=24, blocks=4, halvings=1, resampling="nearest")
"""The generator for pictures of 32 to 64 pixels."""

PATCHES = Part(name="patch-gan", width=64, receptive_field=70)
"""The published discriminator."""


def pairs() -> pix2pix.Recipe:
    """Our form of pix2pix for drawings and other pictures of few colours, 32 to 128 pixels, in CPU-minutes.

    Networks that work at half the size, a discriminator of patches of 20 pixels whose slope is held low, a generator
    that chooses from 32 learned colours for each area between lines (``--generator.palette 0 --generator.no-areas``
    for photographs), half of the pairs spliced with others, a light distance, averaged weights and rates that fall. The
    evidence is in docs/pairs.md.
    """
    return pix2pix.Recipe(
        data="outlines",
        generator=Part(name="pictures", palette=32, areas=True), discriminator=Part(name="pictures", width=40),
        reconstruction_weight=10.0, r1_weight=0.1, r2_weight=0.1, splice=0.5, batch=16, train_samples=135_000,
        ema_half_life=4_000, schedule=Part(name="linear", end=0.05, warmup=0.02),
        generator_optimizer=Part(name="adam", lr=2e-3, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=1e-3, beta1=0.5),
    )  # fmt: skip


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

    *Departs from the paper*: narrow networks that halve once and leave no checkerboard, patches of 16 pixels, batches,
    faster rates and averaged weights.
    """
    return cyclegan.Recipe(
        data="avatars-32", other="avatars-16", size=32, generator=SMALL,
        discriminator=Part(name="patch-gan", width=32, receptive_field=16), batch=8, train_samples=40_000,
        ema_half_life=2_000, generator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
    )  # fmt: skip


def discogan() -> cyclegan.Recipe:
    """DiscoGAN for pictures of 64 pixels: what two sides have in common, found without pairs (Kim et al. 2017).

    Cross-entropies and squared errors of equal weight, encoders and decoders without shortcuts, batches of 200.

    *Departs from the published code*: no feature matching, weights as in the paper's equations throughout, and both
    players learn at every step.
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

    *Departs from the paper*: narrow networks that halve once and leave no checkerboard, patches of 16 pixels, 64
    places a map, batches, faster rates and averaged weights.
    """
    return cut.Recipe(
        data="avatars-32", other="avatars-16", size=32, generator=SMALL,
        discriminator=Part(name="patch-gan", width=32, receptive_field=16), patches=64, features=64, batch=8,
        train_samples=64_000, ema_half_life=2_000, generator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
    )  # fmt: skip


def srresnet() -> super_resolution.Recipe:
    """SRResNet for pictures four times as large, true to the pixels: the first stage of SRGAN (Ledig et al. 2016).

    The published form: mean squared error, a million steps of 16 squares of 96 pixels. For photographs:
    ``--data photographs/ --size 512 --crop 96``.
    """
    return super_resolution.Recipe(
        data="dead-leaves", size=96, pixel=Part(name="squared-error"), symmetries=False, first_stage=1.0,
        generator_optimizer=Part(name="adam", lr=1e-4, beta1=0.9), batch=16, train_samples=16_000_000,
    )  # fmt: skip


def srgan() -> super_resolution.Recipe:
    """SRGAN for pictures four times as large, sharp to the eye: SRResNet, then against a discriminator.

    The published form: a million steps of the first stage, 200,000 of the second, whose last half is slower, with an
    adversarial weight of 1/1000 and no distance of pixels.

    *Departs from the paper*: features of EfficientNet-lite0 for those of VGG-19, and the rate falls in a line to a
    tenth, not at once.
    """
    adam = Part(name="adam", lr=1e-4, beta1=0.9)
    return srresnet().changed(
        discriminator=Part(name="srgan"), adversarial=Part(name="non-saturating"), first_stage=5 / 6, pixel_weight=0.0,
        adversarial_weight=1e-3, generator_optimizer=adam, discriminator_optimizer=adam, train_samples=19_200_000,
        schedule=Part(name="linear", start=11 / 12, end=0.1),
    )  # fmt: skip


def esrgan() -> super_resolution.Recipe:
    """ESRGAN for pictures four times as large: 23 dense residual blocks, relativistic, with a knob (Wang et al. 2018).

    A million steps by the absolute error and 400,000 of the second stage, 16 squares of 128 pixels each.

    *Departs from the paper*: SRGAN's discriminator for one of VGG's form, features of EfficientNet-lite0, one cosine
    for the rates that are halved in steps.
    """
    return super_resolution.Recipe(
        data="dead-leaves", size=128, generator=Part(name="rrdb", width=64, growth=32, blocks=23),
        discriminator=Part(name="srgan", width=64), first_stage=5 / 7, pixel_weight=1e-2, adversarial_weight=5e-3,
        batch=16, train_samples=22_400_000, schedule=Part(name="cosine", end=0.1),
    )  # fmt: skip


def real_esrgan() -> super_resolution.Recipe:
    """Real-ESRGAN for pictures of unknown history: blur, noise and JPEG undone, four times as large (Wang et al. 2021).

    Two rounds of degradation, a U-Net that judges every pixel, 48 squares of 256 pixels a step.

    *Departs from the paper*: features of EfficientNet-lite0; the rates fall in one cosine.
    """
    return esrgan().changed(
        size=256, degradation=Part(name="two-rounds"), discriminator=Part(name="esrgan-u-net", width=64),
        adversarial=Part(name="non-saturating"), pixel_weight=1.0, adversarial_weight=0.1, batch=48,
        train_samples=67_200_000, ema_half_life=33_000, sharpening=0.5,
    )  # fmt: skip


def srresnet_small() -> super_resolution.Recipe:
    """Pictures four times as large in CPU-minutes, true to the pixels: a narrow SRResNet without normalisation.

    It adds to the bicubic enlargement, so it begins where that ends.
    """
    return super_resolution.Recipe(
        data="dead-leaves", size=64,
        generator=Part(name="srresnet", width=32, blocks=4, normalised=False, base="bicubic"), first_stage=1.0,
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.9, beta2=0.99), batch=8, train_samples=40_000,
        schedule=Part(name="cosine"), ema_half_life=1_000,
    )  # fmt: skip


def esrgan_small() -> super_resolution.Recipe:
    """Pictures four times as large in CPU-minutes, true first, then sharp, with a knob between the two."""
    return srresnet_small().changed(
        discriminator=Part(name="esrgan-u-net", width=16), first_stage=0.6, pixel_weight=1.0, perceptual_weight=0.1,
        adversarial=Part(name="non-saturating"), adversarial_weight=0.005, clip_norm=1.0,
        discriminator_optimizer=Part(name="adam", lr=2e-4, beta1=0.9, beta2=0.99), train_samples=60_000,
    )  # fmt: skip


def pix2pix_hd_global() -> pix2pix_hd.Recipe:
    """Label maps to pictures by pix2pixHD's global generator, three judges of 70 pixels and looks of objects.

    The book's settings (chapter 6), mended: one map a class, means over any number of objects, every judge trained;
    each turn on a batch of its own, a million iterations of one scene. Of a folder: ``--data cityscapes --modality
    label_map:pairs=folders,input=labels,target=photos,instances=inst --size 1024x512``.
    """
    adam = Part(name="adam", lr=2e-4, beta1=0.5, eps=1e-7, keras=True)
    return pix2pix_hd.Recipe(
        data="streets", fresh_batch=True, batch=1, train_samples=2_000_000, generator_optimizer=adam,
        discriminator_optimizer=adam,
    )  # fmt: skip


def pix2pix_hd_enhancer() -> pix2pix_hd.Recipe:
    """The same with the local enhancer: a third of the run at half the size, then the enhancer alone, then both.

    Phases of one run: ``--whole-until`` and ``--joint-from`` say when they change.
    """
    generator = Part(name="pix2pix-hd", enhancer=True)
    return pix2pix_hd_global().changed(generator=generator, whole_until=1 / 3, joint_from=2 / 3)


def pix2pix_hd_small() -> pix2pix_hd.Recipe:
    """Label maps of 32 to 64 pixels to pictures by pix2pixHD, in CPU-minutes.

    *Departs from the paper*: narrow networks, two halvings and four blocks, two judges of 16 pixels, batches, faster
    rates and averaged weights.
    """
    return pix2pix_hd.Recipe(
        data="streets", generator=Part(name="pix2pix-hd", width=20, halvings=2, blocks=4),
        discriminator=Part(name="multi-scale", count=2, width=24, receptive_field=16), encoder_width=12,
        encoder_halvings=2, batch=4, train_samples=40_000, ema_half_life=2_000,
        generator_optimizer=Part(name="adam", lr=8e-4, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=4e-4, beta1=0.5),
    )  # fmt: skip


def spade_256() -> spade.Recipe:
    """Label maps of 256 pixels to pictures in any style by SPADE (GauGAN), as it was published.

    Batches of 32; ``--data`` and ``--modality`` as of pix2pix-hd-global. 200 passes over Cityscapes' 2,975 scenes,
    with rates that fall from half-way.
    """
    return spade.Recipe(
        data="streets:count=100", size=256, generator=Part(name="spade", width=64, hidden=128, latent=256),
        discriminator=Part(name="multi-scale", count=2, width=64), batch=32, train_samples=200 * 2_975,
        schedule=Part(name="linear", start=0.5),
    )  # fmt: skip


def spade_small() -> spade.Recipe:
    """Label maps of 32 to 64 pixels to pictures in any style by SPADE, in CPU-minutes.

    *Departs from the paper*: narrow networks, 16 latents, two judges of 16 pixels, batches of 4, faster rates and
    averaged weights; only the judges' weights are normalised by their spectral norm.
    """
    return spade.Recipe(
        data="streets", generator=Part(name="spade", width=12, hidden=24, latent=16),
        discriminator=Part(name="multi-scale", count=2, width=24, receptive_field=16), encoder_width=16,
        generator_weights=(), batch=4, train_samples=40_000, ema_half_life=2_000,
        generator_optimizer=Part(name="adam", lr=8e-4, beta1=0.0, beta2=0.99),
        discriminator_optimizer=Part(name="adam", lr=8e-4, beta1=0.0, beta2=0.99),
    )  # fmt: skip


def partial_conv_512() -> inpainting.Recipe:
    """Holes of pictures of 512 pixels filled by partial convolutions, as they were published.

    Two phases of one run: a million steps of 6 pictures at 2e-4, then half as many at 5e-5 with the statistics of the
    encoder's normalisations held. ``--data`` is a folder of photographs.
    """
    return inpainting.Recipe(
        data="dead-leaves", size=512, generator=Part(name="partial-conv", width=64), batch=6, train_samples=9_000_000,
        held_after=2 / 3, schedule=Part(name="stepped", at=2 / 3, factor=0.25),
    )  # fmt: skip


def partial_conv_small() -> inpainting.Recipe:
    """Holes of pictures of 32 to 64 pixels filled by partial convolutions, in CPU-minutes.

    *Departs from the paper*: a narrow network whose output is added to means of what surrounds holes, ten times the
    perceptual weight and a tenth of the style's, faster rates and averaged weights.
    """
    return inpainting.Recipe(
        data="dead-leaves", size=64, generator=Part(name="partial-conv", width=24), batch=8, train_samples=40_000,
        on_surroundings=True, perceptual_weight=0.5, style_weight=12.0,
        held_after=0.75, schedule=Part(name="stepped", at=0.75, factor=0.25), ema_half_life=2_000,
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
    )  # fmt: skip


def lama_256() -> inpainting.Recipe:
    """Large holes of pictures of 256 pixels filled by Fourier convolutions and a game, after LaMa.

    A million steps of 10 crops; --data is a folder of photographs.
    """
    return inpainting.Recipe(
        data="dead-leaves", size=256, generator=Part(name="fourier", width=64, blocks=9), judged="made", batch=10,
        train_samples=10_000_000, hole_weight=0.0, valid_weight=10.0, perceptual_weight=0.0, style_weight=0.0,
        roughness_weight=0.0, wide_weight=30.0, adversarial_weight=10.0, matching_weight=100.0, r1_weight=0.001,
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
    )  # fmt: skip


def lama_small() -> inpainting.Recipe:
    """Holes of pictures of 32 to 64 pixels filled by Fourier convolutions and a game, in CPU-minutes.

    *Departs from LaMa*: narrow networks with two halvings and four blocks, whose output is added to means of what
    surrounds holes, patches of 16 pixels that are judged beside the known pixels, the absolute error in holes besides,
    batches of 8 and averaged weights.
    """
    return lama_256().changed(
        size=64, generator=Part(name="fourier", width=16, blocks=4, halvings=2), on_surroundings=True,
        judged="composed", batch=8,
        discriminator=Part(name="patch-gan", width=24, receptive_field=16), hole_weight=10.0, train_samples=40_000,
        ema_half_life=2_000, discriminator_optimizer=Part(name="adam", lr=4e-4, beta1=0.9),
    )  # fmt: skip


def context_encoder_128() -> context_encoder.Recipe:
    """The middle of pictures of 128 pixels made from the rest by a context encoder, as it was published.

    Seven pixels at the edge of the middle are known and made all the same; --data is a folder of photographs.
    """
    return context_encoder.Recipe(
        data="dead-leaves", size=128, batch=64, train_samples=6_400_000, overlap=7,
        generator=Part(name="context-encoder", width=64, bottleneck=4000, region="centre"),
        discriminator=Part(name="dcgan-64"),
    )  # fmt: skip


def context_encoder_small() -> context_encoder.Recipe:
    """The middle of pictures of 64 pixels made from the rest by a context encoder, in CPU-minutes.

    *Departs from the paper*: narrow networks, faster rates and averaged weights.
    """
    return context_encoder.Recipe(
        data="dead-leaves", size=64, batch=16, train_samples=60_000, ema_half_life=2_000,
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=1e-4, beta1=0.5),
    )  # fmt: skip


def colourisation_256() -> colourisation.Recipe:
    """Colours for grey pictures, told as probabilities of bins, at 256 pixels (Zhang et al. 2016).

    The published network and rates, 450,000 steps of 40 pictures; --data is a folder of photographs.

    *Departs from the paper*: one cosine for rates that are lowered twice, no decay of weights.
    """
    return colourisation.Recipe(
        data="dead-leaves", size=256, generator=Part(name="zhang", width=64), batch=40, train_samples=18_000_000,
        schedule=Part(name="cosine", end=0.1),
        optimizer=Part(name="adam", lr=3e-5, beta1=0.9, beta2=0.99),
    )  # fmt: skip


def colourisation_small() -> colourisation.Recipe:
    """Colours for grey pictures of 32 to 64 pixels in CPU-minutes: a narrow network that halves twice."""
    return colourisation.Recipe(
        data="avatars-64", generator=Part(name="zhang", width=12, halvings=2), batch=8, train_samples=30_000,
        ema_half_life=1_000, schedule=Part(name="cosine"), optimizer=Part(name="adam", lr=2e-3, beta1=0.9, beta2=0.99),
    )  # fmt: skip


def colourisation_guided_256() -> colourisation.Recipe:
    """Colours for grey pictures at 256 pixels by hints and a palette, told outright (Zhang et al. 2017).

    The published network and patches of hints, 1.3 million pictures 20 times; --data is a folder of photographs.

    *Departs from the paper*: batches, rates and schedule of ``colourisation-256``, and as the method says.
    """
    return colourisation.Recipe(
        data="dead-leaves", size=256, form="values", generator=Part(name="user-guided", width=64), hints=9, palette=8,
        batch=40, train_samples=26_000_000, schedule=Part(name="cosine", end=0.1),
        optimizer=Part(name="adam", lr=3e-5, beta1=0.9, beta2=0.99),
    )  # fmt: skip


def colourisation_guided_small() -> colourisation.Recipe:
    """The same for 32 to 64 pixels in CPU-minutes: a narrow network that halves twice, patches of up to 5 pixels."""
    return colourisation.Recipe(
        data="avatars-64", form="values", generator=Part(name="user-guided", width=12, halvings=2), hints=5, palette=8,
        batch=8, train_samples=30_000, ema_half_life=1_000, schedule=Part(name="cosine"),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9, beta2=0.99),
    )  # fmt: skip


def colourisation_adversarial_small() -> colourisation.Recipe:
    """Colours for grey pictures of 32 to 64 pixels, told outright against a discriminator, in CPU-minutes.

    After Isola et al. 2016, section 4.3, with the network of ``colourisation-guided-small`` in place of their U-Net,
    patches of 16 pixels and averaged weights.
    """
    return colourisation.Recipe(
        data="avatars-64", form="values", generator=Part(name="user-guided", width=12, halvings=2), batch=8,
        adversarial_weight=1.0, discriminator=Part(name="patch-gan", width=24, receptive_field=16),
        train_samples=30_000, ema_half_life=1_000, schedule=Part(name="cosine"),
        optimizer=Part(name="adam", lr=5e-4, beta1=0.5), discriminator_optimizer=Part(name="adam", lr=5e-4, beta1=0.5),
    )  # fmt: skip


def vid2vid_256() -> vid2vid.Recipe:
    """Films of label maps to films by vid2vid, with the networks that were published for its coarsest scale.

    Frames of 256 pixels, 30 of each film in a step. *Departs from the paper* as the method ``vid2vid`` says.
    """
    return vid2vid.Recipe(
        data="moving-scenes:side=256,count=100", length=30, generator=Part(name="pix2pix-hd", width=64, blocks=9),
        composer_width=128, composer_halvings=3, composer_blocks=9, frames=30, batch=1, train_samples=40 * 2_975,
        schedule=Part(name="linear", start=0.5),
    )  # fmt: skip


def vid2vid_small() -> vid2vid.Recipe:
    """Films of label maps of 32 pixels to films by vid2vid, in CPU-minutes.

    *Departs from the paper*: narrow networks, patches of 16 pixels at one scale, 8 frames, batches of 4, faster rates
    and averaged weights.
    """
    judge = Part(name="patch-gan", width=24, receptive_field=16)
    adam = Part(name="adam", lr=5e-4, beta1=0.5)
    return vid2vid.Recipe(
        data="moving-scenes", length=24, generator=Part(name="resnet-translator", width=16, blocks=3, halvings=1),
        composer_width=16, composer_halvings=1, composer_blocks=4, discriminator=judge, film_discriminator=judge,
        film_rates=2, frames=8, batch=4, train_samples=20_000, ema_half_life=1_000, generator_optimizer=adam,
        discriminator_optimizer=adam,
    )  # fmt: skip


def next_frame_small() -> vid2vid.Recipe:
    """The next frame of films of 32 pixels by vid2vid, from the frames up to it, in CPU-minutes.

    Films are their own inputs, one frame before (``--modality video:pairs=next`` for those on disk). *Departs from the
    paper*: as ``vid2vid-small``; frames are told from pixels, not from label maps that were told before.
    """
    return vid2vid_small().changed(data="moving-shapes:next=true", length=16)
