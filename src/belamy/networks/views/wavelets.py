"""Filters of orthogonal wavelets: to resample an image, and to take it apart into bands of frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ROOT = math.sqrt(3)
SYM2 = tuple(tap / (4 * math.sqrt(2)) for tap in (1 + _ROOT, 3 + _ROOT, 3 - _ROOT, 1 - _ROOT))
"""The low-pass filter of the symlet with two vanishing moments, which is Daubechies' too."""
SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
"""The low-pass filter of the symlet with six vanishing moments (Daubechies 1992, Ten Lectures on Wavelets, 8.1)."""


def bands() -> Tensor:
    r"""Filters for the octaves [0, π/8], [π/8, π/4], [π/4, π/2] and [π/2, π] that add up to no filter at all.

    With the half-band filters :math:`L(z) = H(z)H(z^{-1})/2` and :math:`1 - L(z)` of ``SYM2`` they are

    .. math:: L(z)L(z^2)L(z^4), \quad L(z)L(z^2)(1-L(z^4)), \quad L(z)(1-L(z^2)), \quad 1-L(z).

    References:
        Karras et al. 2020, arXiv 2006.06676, appendix B, "image-space filtering".

    Returns:
        ``[4, 43]``, symmetric about the middle, float64.
    """
    taps = torch.tensor(SYM2, dtype=torch.float64)
    low = _product(taps, taps.flip(0)) / 2
    unit = torch.ones(1, dtype=torch.float64)
    found, so_far = [], unit
    for octave in range(3):
        here = _spread(low, 2**octave)
        found.append(_product(so_far, _centred(unit, len(here)) - here))
        so_far = _product(so_far, here)
    return torch.stack([_centred(band, len(so_far)) for band in (so_far, *found[::-1])])


def _product(first: Tensor, second: Tensor) -> Tensor:
    """The filter that filters by both."""
    size = len(second) - 1
    return torch.nn.functional.conv1d(first[None, None], second.flip(0)[None, None], padding=size)[0, 0]


def _spread(taps: Tensor, factor: int) -> Tensor:
    """Zeros between the taps: z becomes z to the power of the factor."""
    return torch.stack([taps, *[torch.zeros_like(taps)] * (factor - 1)], 1).flatten()[: (len(taps) - 1) * factor + 1]


def _centred(taps: Tensor, size: int) -> Tensor:
    """Zeros on both sides."""
    edge = (size - len(taps)) // 2
    return torch.nn.functional.pad(taps, (edge, edge))
