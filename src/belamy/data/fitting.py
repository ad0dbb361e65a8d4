"""One shape for all images: geometry that files and arrays share, and its tensor form.

Resizing is bicubic with a filter as wide as the reduction (no aliasing), the same for files and arrays: they agree to
one grey level wherever the filter does not overshoot 0..255.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WHITE = 255
_CHUNK = 2048


def cropped(width: int, height: int) -> tuple[int, int, int, int]:
    """The largest centred square as (left, top, right, bottom).

    Example:
        >>> cropped(30, 20)
        (5, 0, 25, 20)
    """
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def padded(width: int, height: int, size: int) -> tuple[int, int, int, int]:
    """Where a whole picture comes to lie in a square of side ``size``: (left, top, width, height).

    Example:
        >>> padded(30, 20, 12)
        (0, 2, 12, 8)
    """
    longest = max(width, height)
    wide, high = max(1, round(width * size / longest)), max(1, round(height * size / longest))
    return (size - wide) // 2, (size - high) // 2, wide, high


def recolour(images: Tensor, channels: int | None) -> Tensor:
    """Grey images as RGB or the reverse.  # [n, C, H, W] uint8

    Grey is ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B, in the 16-bit fractions that Pillow rounds with.
    """
    if channels is None or channels == images.shape[1]:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1).contiguous()
    red, green, blue = images.to(torch.int32).unbind(1)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return luma.to(torch.uint8).unsqueeze(1)


def fit(images: Tensor, size: int | None, how: str) -> Tensor:
    """uint8 images as squares of side ``size``.  # [n, C, H, W] -> [n, C, size, size]"""
    height, width = images.shape[2:]
    if size is None or (height, width) == (size, size):
        return images
    if how == "pad":
        left, top, wide, high = padded(width, height, size)
        canvas = images.new_full((*images.shape[:2], size, size), WHITE)
        canvas[:, :, top : top + high, left : left + wide] = resized(images, high, wide)
        return canvas
    if how == "crop":
        left, top, right, bottom = cropped(width, height)
        images = images[:, :, top:bottom, left:right]
    return resized(images, size, size)


def resized(images: Tensor, height: int, width: int) -> Tensor:
    """uint8 images of another size.  # [n, C, H, W] -> [n, C, height, width]"""
    if images.shape[2:] == (height, width):
        return images
    resized = [
        functional.interpolate(part, (height, width), mode="bicubic", antialias=True) for part in images.split(_CHUNK)
    ]
    return torch.cat(resized)
