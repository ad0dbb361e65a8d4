"""Models that denoise: EDM, DDPM and rectified flow on digits, pictures of 32 pixels, and latents of pictures."""

from belamy.methods import diffusion, distillation, latent_diffusion
from belamy.registry import Part


def edm_mnist() -> diffusion.Recipe:
    """EDM in small: digits of classes that are asked for, by EDM's preconditioning and levels of noise.

    It learns at higher levels than EDM: digits are nearly black and white, so fine noise on them is easily told.
    """
    return diffusion.Recipe(
        network=Part(name="diffusion-u-net", width=48),
        schedule=Part(name="cosine"),
        batch=64,
        train_samples=600_000,
        ema_half_life=20_000,
        level_mean=-0.4,
    )


def ddpm_mnist() -> diffusion.Recipe:
    """DDPM in small: digits by predicting the noise of a linear schedule, drawn with new noise at each step."""
    return edm_mnist().changed(
        parametrization="epsilon", noise="linear", sampler="ddpm", sampling_steps=50, conditional=False
    )


def v_mnist() -> diffusion.Recipe:
    """Digits by v-prediction on the cosine schedule, levels weighted by min-SNR."""
    return edm_mnist().changed(parametrization="v", noise="cosine", weighting="min-snr", sampler="ddim")


def flow_mnist() -> diffusion.Recipe:
    """Rectified flow in small: digits by the straight way from noise, learned at logit-normal times."""
    return edm_mnist().changed(parametrization="flow", noise="flow", sampler="ddim", sampling_steps=18)


def dit_mnist() -> diffusion.Recipe:
    """Digits by a small transformer over squares of 4x4 pixels after DiT, trained as a rectified flow."""
    network = Part(name="diffusion-transformer")
    return flow_mnist().changed(network=network, optimizer=Part(name="adam", lr=5e-4, beta1=0.9))


def edm_avatars() -> diffusion.Recipe:
    """EDM in small on drawn faces of 32 pixels."""
    return edm_mnist().changed(
        data="avatars-32",
        conditional=False,
        level_mean=-1.2,
        network=Part(name="diffusion-u-net", width=64, multipliers=(1, 2, 2), dropout=0.1),
        train_samples=400_000,
    )


def few_steps_mnist() -> distillation.Recipe:
    """A student of a run of edm-mnist that draws digits in one or two evaluations; name the run by --start-from."""
    return distillation.Recipe(
        network=Part(name="diffusion-u-net", width=48),
        schedule=Part(name="cosine"),
        batch=64,
        train_samples=300_000,
        ema_half_life=20_000,
    )


def latent_avatars() -> latent_diffusion.Recipe:
    """Latent diffusion in small: drawn faces of 32 pixels by latents of 8x8 places, both stages in one training."""
    return latent_diffusion.Recipe(
        data="avatars-32",
        conditional=False,
        schedule=Part(name="cosine"),
        batch=16,
        train_samples=300_000,
        first_stage=0.3,
        adversarial_start=0.8,
        autoencoder_optimizer=Part(name="adam", lr=1e-3, beta1=0.9),
        ema_half_life=10_000,
    )


def text_avatars() -> latent_diffusion.Recipe:
    """The same of faces that are asked for in words: captions made of their attributes, read by a small transformer."""
    return latent_avatars().changed(data="avatars-32:captions=true", conditional=True, train_samples=400_000)


def latent_256() -> latent_diffusion.Recipe:
    """Latent diffusion for pictures of 256 pixels and a GPU, latents of 32x32 places; name your own data.

    A convolutional U-Net in place of the paper's, which has attention at several resolutions (Rombach et al. 2021).
    """
    return latent_diffusion.Recipe(
        data="dead-leaves",
        size=256,
        downsampling=8,
        width=128,
        discriminator=Part(name="patch-gan", receptive_field=70, width=64),
        network=Part(name="diffusion-u-net", width=192, multipliers=(1, 2, 4), patch=1, dropout=0.1),
        optimizer=Part(name="adam", lr=2e-4, beta1=0.9),
        autoencoder_optimizer=Part(name="adam", lr=2e-4, beta1=0.5, beta2=0.9),
        schedule=Part(name="cosine", warmup=0.01),
        train_samples=20_000_000,
        first_stage=0.25,
        ema_half_life=500_000,
    )
