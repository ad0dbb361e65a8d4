"""Models that denoise: EDM, DDPM and rectified flow on digits, and pictures of 32 pixels."""

from belamy.methods import diffusion, distillation
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
