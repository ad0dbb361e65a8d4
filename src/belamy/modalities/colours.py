"""Grey, colour and opacity of pictures of any depth: bytes, 16 bits, or floats in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

_TOPS = {torch.uint8: 255, torch.uint16: 65535, torch.float32: 1.0}


def top_of(dtype: torch.dtype) -> float:
    """What is white, and opaque, in images of a type: 255, 65535 or 1.0."""
    return _TOPS[dtype]


def has_opacity(channels: int) -> bool:
    """Whether the last of so many channels is opacity where transparency is kept: grey or colour and one more."""
    return channels in (2, 4)


def recolour(images: Tensor, channels: int | None) -> Tensor:
    """Grey images as RGB or the reverse, with opacity as the last of 2 or 4 channels.  # [n, C, H, W]

    Grey is ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B, in the 16-bit fractions that Pillow rounds with. Opacity that
    is not wanted shows white; where it is wanted and unknown, all is opaque.
    """
    own = images.shape[1]
    if channels is None or channels == own:
        return images
    if has_opacity(own) and not has_opacity(channels):
        return recolour(on_white(images), channels)
    colours, opacity = (images[:, :-1], images[:, -1:]) if has_opacity(own) else (images, None)
    wanted = channels - has_opacity(channels)
    if colours.shape[1] != wanted:
        colours = colours.expand(-1, 3, -1, -1).contiguous() if wanted == 3 else _luma(colours)
    if not has_opacity(channels):
        return colours
    if opacity is None:
        opacity = torch.full_like(images[:, :1], top_of(images.dtype))
    return torch.cat([colours, opacity], 1)


def on_white(images: Tensor) -> Tensor:
    """Images whose last channel is opacity, lying on white.  # [n, C + 1, H, W] -> [n, C, H, W]"""
    top = top_of(images.dtype)
    if images.dtype == torch.float32:
        return images[:, -1:] * images[:, :-1] + (1 - images[:, -1:])
    opacity = images[:, -1:].to(torch.int64)
    blended = images[:, :-1].to(torch.int64) * opacity + int(top) * (int(top) - opacity)
    return ((blended + int(top) // 2) // int(top)).to(images.dtype)


def _luma(images: Tensor) -> Tensor:
    """Grey of RGB.  # [n, 3, H, W] -> [n, 1, H, W]"""
    if images.dtype == torch.float32:
        return (images * images.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    red, green, blue = images.to(torch.int64 if images.dtype == torch.uint16 else torch.int32).unbind(1)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return luma.to(images.dtype).unsqueeze(1)
