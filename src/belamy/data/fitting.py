"""One shape for all images: geometry that files and arrays share, and its tensor form.

Resizing is bicubic with a filter as wide as the reduction (no aliasing), the same for files and arrays: they agree to
one grey level wherever the filter does not overshoot 0..255. Where the last of 2 or 4 channels is opacity, colours are
weighted with it, so that what cannot be seen bleeds into nothing.

A size is (height, width) here and everywhere in Python; text for people is ``WIDTHxHEIGHT``, as picture programs write.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from belamy.modalities.colours import top_of
from belamy.modalities.sizes import Size

WHITE = 255
_CHUNK = 2048


def cropped(width: int, height: int, size: Size = (1, 1)) -> tuple[int, int, int, int]:
    """The largest centred rectangle with the proportions of ``size``, as (left, top, right, bottom).

    Example:
        >>> cropped(30, 20), cropped(30, 20, (10, 30))
        ((5, 0, 25, 20), (0, 5, 30, 15))
    """
    high, wide = size
    across = min(width, max(1, round(height * wide / high)))
    down = min(height, max(1, round(width * high / wide)))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


def padded(width: int, height: int, size: Size) -> tuple[int, int, int, int]:
    """Where a whole picture comes to lie in a canvas of ``size``: (left, top, width, height).

    Example:
        >>> padded(30, 20, (12, 12)), padded(30, 20, (12, 24))
        ((0, 2, 12, 8), (3, 0, 18, 12))
    """
    down, across = size
    wide = min(across, max(1, round(width * down / height)))
    high = min(down, max(1, round(height * across / width)))
    return (across - wide) // 2, (down - high) // 2, wide, high


def fit(images: Tensor, size: Size | None, how: str, opacity: bool = False) -> Tensor:
    """Images of another size; what is padded is white.  # [n, C, H, W] -> [n, C, *size]

    Args:
        images: uint8, uint16, or float32 in [0, 1].
        size: (height, width); None leaves them as they are.
        how: ``crop``, ``pad`` or ``stretch``.
        opacity: Whether their last channel is opacity.
    """
    height, width = images.shape[2:]
    if size is None or (height, width) == size:
        return images
    if how == "pad":
        left, top, wide, high = padded(width, height, size)
        canvas = torch.full((*images.shape[:2], *size), top_of(images.dtype), dtype=images.dtype)
        canvas[:, :, top : top + high, left : left + wide] = resized(images, high, wide, opacity)
        return canvas
    if how == "crop":
        left, top, right, bottom = cropped(width, height, size)
        images = images[:, :, top:bottom, left:right]
    return resized(images, *size, opacity)


def resized(images: Tensor, height: int, width: int, opacity: bool = False) -> Tensor:
    """Images of another size.  # [n, C, H, W] -> [n, C, height, width]"""
    if images.shape[2:] == (height, width):
        return images
    one = _see_through if opacity else _interpolated if images.dtype == torch.uint8 else _deep
    return torch.cat([one(part, (height, width)) for part in images.split(_CHUNK)])


def _interpolated(images: Tensor, size: Size) -> Tensor:
    return functional.interpolate(images, size, mode="bicubic", antialias=True)


def _deep(images: Tensor, size: Size) -> Tensor:
    """As in float32, brought back into the range of the type."""
    return _as(_interpolated(images.to(torch.float32), size), images.dtype)


def _see_through(images: Tensor, size: Size) -> Tensor:
    """Colours weighted with opacity while they are filtered; where all is transparent they are 0."""
    top = top_of(images.dtype)
    opacity = images[:, -1:].to(torch.float32) / top
    colours = _interpolated(images[:, :-1].to(torch.float32) * opacity, size)
    seen = _interpolated(opacity, size)
    return _as(torch.cat([torch.where(seen > 1e-6, colours / seen.clamp_min(1e-6), 0), seen * top], 1), images.dtype)


def _as(values: Tensor, dtype: torch.dtype) -> Tensor:
    bounded = values.clamp(0, top_of(dtype))
    return bounded if dtype == torch.float32 else bounded.round().to(dtype)
