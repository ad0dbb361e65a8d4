"""Resizing as the published measures do it: a number is only theirs if the pixels are.

Both take uint8 images and give float32 values in 0..255 that are not rounded again. They agree with the originals to
1e-5 of the range.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from belamy.errors import UsageError, nearest

RULES = ("tf", "clean")
_BICUBIC = -0.5


def resize(images: Tensor, side: int, rule: str) -> Tensor:
    """Images as squares of side ``side``.

    Args:
        images: uint8.  # [n, C, H, W]
        side: In pixels.
        rule: ``tf`` or ``clean``.

    Returns:
        float32 in 0..255.  # [n, C, side, side]

    Raises:
        UsageError: There is no such rule.
    """
    check_rule(rule)
    return tensorflow_bilinear(images, side, side) if rule == "tf" else clean_bicubic(images, side, side)


def check_rule(rule: str) -> None:
    """Refuse what is no rule of resizing."""
    if rule not in RULES:
        raise UsageError(f"There is no resize rule '{rule}'. {nearest(rule, RULES)}")


def tensorflow_bilinear(images: Tensor, height: int, width: int) -> Tensor:
    r"""TensorFlow 1's bilinear resize: corners not aligned, pixel centres not at halves, no filter before reduction.

    .. math:: y_i = x_{\lfloor s\rfloor} + (s - \lfloor s\rfloor)(x_{\lfloor s\rfloor+1} - x_{\lfloor s\rfloor}),
        \qquad s = i\,n/m

    with the last pixel repeated. It is part of the graph behind FID as first published.

    References:
        Heusel et al. 2017, arXiv 1706.08500; the artefacts it causes: Parmar et al. 2022, arXiv 2104.11222, figure 2.

    Args:
        images: uint8.  # [n, C, H, W]
        height: Of the result, in pixels.
        width: Of the result, in pixels.
    """
    return _lerp(_lerp(images.float(), 3, width), 2, height)


def _lerp(images: Tensor, axis: int, size: int) -> Tensor:
    count = images.shape[axis]
    place = torch.arange(size, dtype=torch.float32) * torch.tensor(count / size, dtype=torch.float32)
    low = place.floor().long().clamp(max=count - 1)
    high = (low + 1).clamp(max=count - 1)
    share = (place - low).view([-1 if axis == each else 1 for each in range(4)])
    below = images.index_select(axis, low.to(images.device))
    return below + (images.index_select(axis, high.to(images.device)) - below) * share.to(images.device)


def clean_bicubic(images: Tensor, height: int, width: int) -> Tensor:
    r"""Bicubic resize with a filter as wide as the reduction, each channel in floating point, cut to 0..255.

    .. math:: y_i = \frac{\sum_j k\bigl((j + \tfrac12 - c_i)/r\bigr)\,x_j}{\sum_j k\bigl((j + \tfrac12 - c_i)/r\bigr)},
        \qquad c_i = (i + \tfrac12)\,n/m, \quad r = \max(n/m, 1)

    with Keys' kernel k for :math:`a = -\tfrac12`: what Pillow computes for images of mode ``F``.

    References:
        Parmar et al. 2022, arXiv 2104.11222, section 3; the kernel: Keys 1981, equation 4.

    Args:
        images: uint8.  # [n, C, H, W]
        height: Of the result, in pixels.
        width: Of the result, in pixels.
    """
    found = images.float()
    if images.shape[3] != width:
        found = found @ _filters(images.shape[3], width).T.to(found.device)
    if images.shape[2] != height:
        found = _filters(images.shape[2], height).to(found.device) @ found
    return found.clamp(0, 255)


@cache
def _filters(count: int, size: int) -> Tensor:
    """Weights of the ``count`` pixels in each of ``size`` new ones.  # [size, count] float32"""
    scale = count / size
    reach = max(scale, 1.0)
    weights = torch.zeros(size, count, dtype=torch.float64)
    for row in range(size):
        centre = (row + 0.5) * scale
        first, end = max(int(centre - 2 * reach + 0.5), 0), min(int(centre + 2 * reach + 0.5), count)
        kernel = [_cubic((place + 0.5 - centre) / reach) for place in range(first, end)]
        weights[row, first:end] = torch.tensor(kernel, dtype=torch.float64) / math.fsum(kernel)
    return weights.float()


def _cubic(x: float) -> float:
    x, a = abs(x), _BICUBIC
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0
