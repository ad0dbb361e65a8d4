"""JPEG as a function: what a picture is after it was written and read, with gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *(((99,) * 8,) * 4),
)  # fmt: skip
"""The tables of annex K, rows first."""
_TIE = 1e-6
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def compressed(images: Tensor, quality: Tensor) -> Tensor:
    """Pictures as they are after JPEG with colours at half the size (4:2:0), which are enlarged by repetition.

    Every rounding that files bring about is done, so the values are whole 255ths; the gradient passes each rounding
    as if it were not there, and stops where values are clipped. Three channels are colours, others are grey each.

    *Departs from libjpeg*, which by default smooths the colours that it enlarges.

    References:
        Wallace 1992, "The JPEG still picture compression standard"; tables by quality as in the Independent JPEG
        Group's library.

    Args:
        images: In [0, 1].  # [N, C, H, W]
        quality: Of each, 1 to 100.  # [N]
    """
    height, width = images.shape[2:]
    pixels = rounded((images * 255).clamp(0, 255))
    if images.shape[1] != 3:
        return _coded(_whole(pixels, BLOCK), tables(LUMINANCE, quality))[..., :height, :width] / 255
    ycc = rounded(_mixed(pixels, _TO_YCC) + pixels.new_tensor([0.0, 128.0, 128.0]).view(3, 1, 1)).clamp(0, 255)
    ycc = _whole(ycc, 2 * BLOCK)
    luminance = _coded(ycc[:, :1], tables(LUMINANCE, quality))
    colours = _coded(rounded(F.avg_pool2d(ycc[:, 1:], 2)), tables(CHROMINANCE, quality))
    found = torch.cat([luminance, F.interpolate(colours, scale_factor=2.0, mode="nearest") - 128], 1)
    return rounded(_mixed(found[..., :height, :width], _TO_RGB).clamp(0, 255)) / 255


def rounded(values: Tensor) -> Tensor:
    """Whole numbers, halves away from zero as JPEG does; the gradient is that of the values themselves.

    What is within a millionth of a half counts as one, or the rounding of sums would decide.

    Example:
        >>> rounded(torch.tensor([0.5, -0.5, 1.4, 2.5])).tolist()
        [1.0, -1.0, 1.0, 3.0]
    """
    whole = values.detach().abs().add(0.5 + _TIE).floor().copysign(values.detach())
    return whole + (values - values.detach())


def tables(base: tuple[tuple[int, ...], ...], quality: Tensor) -> Tensor:
    """The quantisation of each quality: whole numbers from 1 to 255.  # [N, 8, 8]

    Example:
        >>> tables(LUMINANCE, torch.tensor([50.0, 100.0]))[:, 0, 0].tolist()
        [16.0, 1.0]
    """
    whole = quality.round().clamp(1, 100)
    percent = torch.where(whole < 50, (5000 / whole).floor(), 200 - 2 * whole)
    plain = torch.tensor(base, dtype=quality.dtype, device=quality.device)
    return ((plain * percent.view(-1, 1, 1) + 50) / 100).floor().clamp(1, 255)


def cosines(like: Tensor) -> Tensor:
    """The orthonormal discrete cosine transform of 8 values, as a matrix.  # [8, 8]"""
    order = torch.arange(BLOCK, dtype=torch.float64)
    matrix = torch.cos(math.pi / BLOCK * order[:, None] * (order[None] + 0.5)) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix.to(like)


def _coded(planes: Tensor, table: Tensor) -> Tensor:
    """Planes ``[N, C, H, W]`` of 0..255 after the transform of each block was quantised."""
    count, channels, height, width = planes.shape
    matrix = cosines(planes)
    blocks = planes.sub(128).view(count, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    steps = table.to(planes).view(count, 1, 1, 1, BLOCK, BLOCK)
    kept = rounded(matrix @ blocks @ matrix.T / steps) * steps
    back = (matrix.T @ kept @ matrix).transpose(3, 4).reshape(planes.shape)
    return rounded((back + 128).clamp(0, 255))


def _whole(planes: Tensor, multiple: int) -> Tensor:
    """Planes whose sides are multiples; the last rows and columns are repeated."""
    height, width = planes.shape[2:]
    return F.pad(planes, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _mixed(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("oc,nchw->nohw", images.new_tensor(matrix), images)
