"""What is drawn and what is ground: grey values, ink, connected pieces."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 64
"""Grey levels from the ground from which on a pixel is ink."""


def grey(images: Tensor) -> Tensor:
    """The mean of the channels, 0..255.  # [n, C, H, W] -> [n, H, W] float32"""
    return images.float().mean(1)


def contrast(images: Tensor) -> Tensor:
    """Distance of each pixel from the ground, which is the median of an image's border.  # [n, H, W] float32, 0..255"""
    values = images.float()
    edge = torch.cat([values[..., 0, :], values[..., -1, :], values[..., 0], values[..., -1]], 2)  # [n, C, 2H + 2W]
    ground = edge.median(2).values[:, :, None, None]
    return (values - ground).abs().amax(1)


def ink(images: Tensor) -> Tensor:
    """Which pixels stand out from the ground.  # [n, H, W] bool"""
    return contrast(images) > THRESHOLD


def pieces(mask: Tensor, corners: bool = True) -> Tensor:
    """The number of each pixel's connected piece, 1 + the largest place in it; 0 outside.  # [n, H, W] long

    The largest place spreads to the neighbours; each pixel then asks the pixel at that place for its own, so that the
    rounds grow with the logarithm of a piece's length.

    Args:
        mask: Which pixels belong to pieces.  # [n, H, W] bool
        corners: Whether pixels are neighbours that touch at a corner alone.
    """
    count, height, width = mask.shape
    label = (torch.arange(1, height * width + 1).reshape(1, height, width) * mask).float()  # exact up to 2^24 places
    left = torch.arange(count)  # images that still change
    while len(left):
        before = label[left]
        spread = _spread(before, corners) * mask[left]
        flat = spread.flatten(1)
        after = flat.gather(1, (flat.long() - 1).clamp_min(0)).reshape(spread.shape) * mask[left]
        label[left] = after
        left = left[(after != before).flatten(1).any(1)]
    return label.long()


def _spread(label: Tensor, corners: bool) -> Tensor:
    """The largest number among a pixel and its neighbours.  # [n, H, W]"""
    if corners:
        return functional.max_pool2d(label, 3, 1, 1)
    down, across = functional.max_pool2d(label, (3, 1), 1, (1, 0)), functional.max_pool2d(label, (1, 3), 1, (0, 1))
    return torch.maximum(down, across)


def sizes(label: Tensor) -> Tensor:
    """How many pixels each piece has, by its number.  # [n, H, W] -> [n, H W]"""
    count, size = len(label), label[0].numel()
    flat = label.reshape(count, size)
    found = torch.zeros(count, size + 1, dtype=torch.long).scatter_add_(1, flat, torch.ones_like(flat))
    return found[:, 1:]
