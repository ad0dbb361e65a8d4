"""Networks that paint in a style in one pass: one style by one network, or any style by one."""

from belamy.methods import adain, single_style
from belamy.shelf import Part


def fast_style() -> single_style.Recipe:
    """Network that paints in one style in a single pass, learned from drawn scenes or a folder of photographs.

    Five CPU-minutes at 96 pixels; the paper has twice the width and sees seventy times as many, larger pictures.
    """
    return single_style.Recipe(
        data="dead-leaves", size=96, batch=6, samples=2_400, schedule=Part(name="cosine"), average=600
    )


def adain_style() -> adain.Recipe:
    """Network that paints in any style that it is shown, learned from drawn scenes and drawn styles."""
    return adain.Recipe(
        data="dead-leaves", size=64, batch=6, samples=3_000, average=300, style_weight=4.0,
        schedule=Part(name="cosine"),
        optimizer=Part(name="adam", lr=2e-3, beta1=0.9),
    )  # fmt: skip
