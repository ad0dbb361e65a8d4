"""Networks that paint in a style in one pass: one style by one network, or any style by one."""

from belamy.methods import adain, single_style
from belamy.registry import Part


def fast_style() -> single_style.Recipe:
    """Network that paints in one style in a single pass, learned from drawn scenes or a folder of photographs.

    Five CPU-minutes at 96 pixels; the paper has twice the width and sees seventy times as many, larger pictures.
    """
    return single_style.Recipe(
        data="dead-leaves", size=96, batch=6, train_samples=2_400, schedule=Part(name="cosine"), ema_half_life=600
    )


def adain_style() -> adain.Recipe:
    """Network that paints in any style that it is shown, learned from drawn scenes and drawn styles.

    Three CPU-minutes at 64 pixels. Without a slow start and clipped gradients the decoder saturates within three steps.
    """
    return adain.Recipe(
        data="dead-leaves", size=64, batch=6, train_samples=3_600, ema_half_life=300, style_weight=4.0, clip_norm=20,
        schedule=Part(name="cosine", warmup=0.1),
    )  # fmt: skip
