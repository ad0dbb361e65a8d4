"""What is drawn, as opposed to the ground it is drawn on."""

from __future__ import annotations

from torch import Tensor

from belamy.data.figures import contrast

HALF = 0.5
"""Of the strongest ink of an image: from there on a pixel counts as drawn."""


def ink(images: Tensor) -> Tensor:
    """How far each pixel is from the ground, the median of the image's border, in its most different channel.

    Args:
        images: uint8 ``[n, C, H, W]``.

    Returns:
        ``[n, H, W]`` float64 in [0, 1].
    """
    return contrast(images.double() / 255)


def drawn(images: Tensor) -> Tensor:
    """Which pixels have at least half of the image's strongest ink; none where there is no ink.  # [n, H, W] bool"""
    strength = ink(images)
    return (strength >= HALF * strength.amax((1, 2), keepdim=True)) & (strength > 0)
