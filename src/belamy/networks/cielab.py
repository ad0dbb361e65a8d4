"""Colours as people see their distances: sRGB to CIE L*a*b* and back, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)
_BEND = 6 / 29


def lab_of(colours: Tensor) -> Tensor:
    """L in 0..100, a and b about -110..110, of sRGB under daylight (D65).

    References:
        IEC 61966-2-1; CIE 15.

    Args:
        colours: In [0, 1].  # [N, 3, H, W]

    Example:
        >>> lab_of(torch.ones(1, 3, 1, 1)).flatten().round().abs().tolist()
        [100.0, 0.0, 0.0]
    """
    linear = torch.where(colours <= 0.04045, colours / 12.92, ((colours.clamp_min(0) + 0.055) / 1.055) ** 2.4)
    matrix, white = _matrix(colours)
    shares = torch.einsum("oc,nchw->nohw", matrix, linear) / white
    roots = shares.clamp_min(_BEND**3) ** (1 / 3)
    x, y, z = torch.where(shares > _BEND**3, roots, shares / (3 * _BEND**2) + 4 / 29).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def colours_of(lab: Tensor) -> Tensor:
    """The sRGB colours of L*a*b*, not clipped: outside of [0, 1] no screen shows them.  # [N, 3, H, W]"""
    y = (lab[:, 0] + 16) / 116
    roots = torch.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], 1)
    matrix, white = _matrix(lab)
    shares = torch.where(roots > _BEND, roots**3, 3 * _BEND**2 * (roots - 4 / 29)) * white
    linear = torch.einsum("oc,nchw->nohw", torch.linalg.inv(matrix), shares)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055)


def grey_of(colours: Tensor) -> Tensor:
    """The grey that is as light as each colour: of the same L.  # [N, 3, H, W] to [N, 1, H, W] in [0, 1]"""
    lab = lab_of(colours)
    return colours_of(torch.cat([lab[:, :1], torch.zeros_like(lab[:, 1:])], 1)).mean(1, keepdim=True).clamp(0, 1)


def _matrix(like: Tensor) -> tuple[Tensor, Tensor]:
    return like.new_tensor(_TO_XYZ), like.new_tensor(_WHITE).view(3, 1, 1)
