"""Bicubic reduction alone."""

from __future__ import annotations

from torch import Tensor

from belamy.networks.bicubic import bicubic
from belamy.seeds import Draws, SampleDraws


class Degradation:
    """The picture in the small size, by the bicubic filter that picture programs use.

    Networks that learn from it alone sharpen what was reduced just so, and disappoint on photographs of unknown
    history.

    Args:
        scale: How much smaller.
    """

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, images: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Pictures in [-1, 1].  # [N, C, H, W] to [N, C, H/scale, W/scale]"""
        height, width = (side // self.scale for side in images.shape[2:])
        return bicubic(images, (height, width)).clamp(-1, 1)
