"""How many holes the drawing has."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from belamy.data.figures import pieces
from belamy.data.measures._ink import drawn


class Measure:
    """Connected pieces of ground but for the one outside, each of at least ``least`` pixels.

    Ink is what has at least half of the image's strongest. Pixels of ground that touch at a corner alone are apart.

    Args:
        least: Pixels from which on a hole counts.
    """

    words = ("open", "looped")
    unit = "holes"

    def __init__(self, *, least: int = 1) -> None:
        self.least = least

    def __call__(self, images: Tensor) -> Tensor:
        """Holes of each image."""
        ground = functional.pad(~drawn(images), (1, 1, 1, 1), value=True)  # a frame joins what reaches the border
        return (pieces(ground, corners=False) >= self.least).sum(1).double() - 1
