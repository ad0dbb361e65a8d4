"""Bicubic resizing, the classical rival of every network that enlarges."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def bicubic(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Images of another size by Keys' cubic kernel with a = -1/2, widened where it reduces; differentiable.

    It is what Pillow and MATLAB do, but for rounding to whole values; the border weighs what there is.

    References:
        Keys 1981, "Cubic convolution interpolation for digital image processing".

    Args:
        images: ``[N, C, H, W]``.
        size: (height, width) that is wanted.

    Example:
        >>> import torch
        >>> bicubic(torch.ones(1, 1, 4, 6), (8, 12)).shape
        torch.Size([1, 1, 8, 12])
    """
    return images if images.shape[2:] == size else F.interpolate(images, size, mode="bicubic", antialias=True)


def enlarged(images: Tensor, scale: int) -> Tensor:
    """Images so many times as high and wide.  # [N, C, H, W] to [N, C, scale H, scale W]"""
    return bicubic(images, (images.shape[2] * scale, images.shape[3] * scale))
