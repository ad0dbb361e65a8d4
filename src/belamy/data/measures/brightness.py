"""How bright the image is."""

from __future__ import annotations

import torch
from torch import Tensor

WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue in the luma of ITU-R BT.709."""


class Measure:
    """Mean luma of all pixels, from 0 (black) to 1 (white)."""

    words = ("dark", "bright")
    unit = "luma"

    def __call__(self, images: Tensor) -> Tensor:
        """Brightness of each image."""
        means = images.double().mean((2, 3)) / 255  # [n, C]
        return means @ torch.tensor(WEIGHTS, dtype=means.dtype) if means.shape[1] == len(WEIGHTS) else means.mean(1)
