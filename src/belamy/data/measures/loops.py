"""How many holes the drawing has."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

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
        sizes = _sizes(_pieces(ground))
        return (sizes >= self.least).sum(1).double() - 1


def _pieces(mask: Tensor) -> Tensor:
    """The largest place, counted from 1, in each pixel's piece; 0 off the mask.  # [n, H, W] -> [n, H W] long

    The largest place spreads to the four neighbours, and each pixel then asks the pixel at that place for its own: the
    rounds grow with the logarithm of a piece's length.
    """
    count, height, width = mask.shape
    label = (torch.arange(1, height * width + 1).reshape(1, height, width) * mask).float()  # exact up to 2^24 places
    moving = torch.arange(count)
    while len(moving):
        before = label[moving]
        spread = torch.maximum(
            functional.max_pool2d(before, (3, 1), 1, (1, 0)), functional.max_pool2d(before, (1, 3), 1, (0, 1))
        )
        flat = (spread * mask[moving]).flatten(1)
        after = flat.gather(1, (flat.long() - 1).clamp_min(0)).view_as(before) * mask[moving]
        label[moving] = after
        moving = moving[(after != before).flatten(1).any(1)]
    return label.long().flatten(1)


def _sizes(label: Tensor) -> Tensor:
    """Pixels of each piece, by its place.  # [n, P] -> [n, P]"""
    sizes = torch.zeros(len(label), label.shape[1] + 1, dtype=torch.long)
    return sizes.scatter_add_(1, label, torch.ones_like(label))[:, 1:]
