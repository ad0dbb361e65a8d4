"""Resampling with a low-pass filter: enlarge, filter and reduce images, each axis by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

BINOMIAL = (1.0, 3.0, 3.0, 1.0)
"""The filter of StyleGAN2: bilinear interpolation where it enlarges twofold (Karras et al. 2019, arXiv 1912.04958)."""


def filter_taps(weights: Sequence[float], gain: float = 1.0, *, like: Tensor) -> Tensor:
    """The taps of a filter along one axis, in proportion to ``weights``, with the sum ``gain``.

    Example:
        >>> filter_taps(BINOMIAL, like=torch.empty(0))
        tensor([0.1250, 0.3750, 0.3750, 0.1250])
    """
    taps = torch.tensor(weights, dtype=torch.float64)
    return (taps * (gain / taps.sum())).to(like)


def resample(images: Tensor, taps: Tensor, *, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)) -> Tensor:
    r"""Put zeros between pixels, pad with zeros, filter and keep some pixels, along both axes.

    Along each axis n pixels become :math:`z_{iu} = x_i` of length nu, which zeros extend; then

    .. math:: y_j = \sum_k h_k\, z_{jd + K - 1 - k - a}

    so there are :math:`\lfloor(nu + a + b - K)/d\rfloor + 1` pixels. It is ``scipy.signal.upfirdn`` along both axes,
    from its element K-1-a on. Differentiable any number of times.

    Args:
        images: ``[N, C, H, W]``.
        taps: h, ``[K]``.
        up: u, enlargement.
        down: d, every how many pixels are kept.
        padding: Zeros a before and b after the enlarged image; negative numbers crop it.

    Example:
        >>> resample(torch.ones(1, 1, 2, 2), torch.ones(2), up=2, padding=(1, 0)).shape
        torch.Size([1, 1, 4, 4])
    """
    for axis in (2, 3):
        images = resample_axis(images, taps, axis, up=up, down=down, padding=padding)
    return images


def resample_axis(
    images: Tensor, taps: Tensor, axis: int, *, up: int = 1, down: int = 1, padding: tuple[int, int] = (0, 0)
) -> Tensor:
    """:func:`resample` along the axis 2 or 3 alone, as a convolution of each channel by itself."""
    size, channels = len(taps), images.shape[1]
    before, after = padding

    def lengthwise(value: int, other: int) -> tuple[int, int]:
        return (value, other) if axis == 2 else (other, value)

    kernel = taps.view(1, 1, *lengthwise(size, 1)).expand(channels, 1, *lengthwise(size, 1))
    if up == 1:
        edge = max(min(before, after), 0)  # what the native, symmetric padding can do
        if (before, after) != (edge, edge):
            images = F.pad(images, (*((0, 0) if axis == 2 else ()), before - edge, after - edge))
        return F.conv2d(images, kernel.flip(axis), None, lengthwise(down, 1), lengthwise(edge, 0), 1, channels)
    start, end = size - 1 - before, size - up - after  # what is cropped of the whole result
    edge = max(min(start, end), 0)
    whole = F.conv_transpose2d(images, kernel, None, lengthwise(up, 1), lengthwise(edge, 0), 0, channels)
    if (start, end) != (edge, edge):
        whole = F.pad(whole, (*((0, 0) if axis == 2 else ()), edge - start, edge - end))
    return whole if down == 1 else whole[(slice(None),) * axis + (slice(None, None, down),)]


def enlarge(images: Tensor, weights: Sequence[float] = BINOMIAL) -> Tensor:
    """Twice the size by a low-pass filter; what lies outside of the image is 0.

    Args:
        images: ``[N, C, H, W]``.
        weights: Of the filter, an even number of them or not, at least 2.
    """
    over = len(weights) - 2
    padding = ((over + 1) // 2 + 1, over // 2)
    return resample(images, filter_taps(weights, 2.0, like=images), up=2, padding=padding)


def reduce(images: Tensor, weights: Sequence[float] = BINOMIAL) -> Tensor:
    """Half the size by a low-pass filter; what lies outside of the image is 0.

    Args:
        images: ``[N, C, H, W]`` of even height and width.
        weights: Of the filter, at least 2.
    """
    over = len(weights) - 2
    return resample(images, filter_taps(weights, like=images), down=2, padding=((over + 1) // 2, over // 2))


def enlarging_convolution(images: Tensor, kernel: Tensor, weights: Sequence[float] = BINOMIAL) -> Tensor:
    """A convolution that doubles the size and the low-pass filter after it.  # [N, I, H, W] to [N, O, 2H, 2W]

    Args:
        images: ``[N, I, H, W]``.
        kernel: ``[O, I, 3, 3]``.
        weights: Of the filter, at least 2.
    """
    over = len(weights) - 2
    large = F.conv_transpose2d(images, kernel.transpose(0, 1).flip(2, 3), stride=2)  # [N, O, 2H+1, 2W+1]
    return resample(large, filter_taps(weights, 2.0, like=large), padding=((over + 1) // 2, over // 2))


def reducing_convolution(images: Tensor, kernel: Tensor, weights: Sequence[float] = BINOMIAL) -> Tensor:
    """A low-pass filter and the convolution after it that halves the size.  # [N, I, H, W] to [N, O, H/2, W/2]

    Args:
        images: ``[N, I, H, W]`` of even height and width.
        kernel: ``[O, I, 3, 3]``.
        weights: Of the filter, at least 2.
    """
    over = len(weights)
    smooth = resample(images, filter_taps(weights, like=images), padding=((over + 1) // 2, over // 2))
    return F.conv2d(smooth, kernel, stride=2)
