"""Random colours as one affine map per image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNIFORMS, NORMALS = 7, 3
"""Random numbers that :func:`random_colours` takes for one image."""


def random_colours(uniform: Tensor, normal: Tensor, chance: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    r"""A matrix ``[N, C, C]`` and an offset ``[N, C, 1]`` for colours in [-1, 1].

    The paper's five maps, each with its own coin, all keep the grey axis :math:`v=(1,1,1)/\sqrt3`: brightness b
    (added), contrast c (factor), luma flip f = ±1 (factor along v), hue θ (rotation about v) and saturation s (factor
    across v). In their order they are

    .. math:: c\,\bigl[f\,vv^T + s\,(\cos\theta\,(I - vv^T) + \sin\theta\,[v]_\times)\bigr]\,x + c f b\,(1,1,1)^T.

    Images of other than three channels take brightness and contrast alone.

    References:
        Karras et al. 2020, arXiv 2006.06676, appendix B, "color transformations".

    Args:
        uniform: Numbers uniform on [0, 1).  # [N, 7]
        normal: Standard normal numbers.  # [N, 3]
        chance: Probability of each map, a scalar.
        channels: C.
    """
    brighter, starker, flipped, turned, richer = (uniform[:, :5] < chance)[:, :, None, None].unbind(1)
    b, log_c, log_s = normal[:, :, None, None].unbind(1)  # [N, 1, 1]
    nothing = torch.zeros_like(b)
    b = torch.where(brighter, 0.2 * b, nothing)
    c = torch.where(starker, 0.5 * math.log(2) * log_c, nothing).exp()
    identity = torch.eye(channels, dtype=b.dtype, device=b.device)
    if channels != 3:
        return c * identity, (c * b).expand(-1, channels, 1)
    chosen, angle = uniform[:, 5:, None, None].unbind(1)
    f = 1 - 2 * torch.where(flipped, (2 * chosen).floor(), nothing)
    theta = torch.where(turned, (2 * angle - 1) * math.pi, nothing)
    s = torch.where(richer, math.log(2) * log_s, nothing).exp()
    along = torch.full_like(identity, 1 / 3)  # v vᵀ
    cross = (identity.roll(-1, 1) - identity.roll(1, 1)) / math.sqrt(3)  # [v]ₓ
    matrix = c * (f * along + s * (theta.cos() * (identity - along) + theta.sin() * cross))
    return matrix, (c * f * b).expand(-1, 3, 1)


def recolour(images: Tensor, matrix: Tensor, offset: Tensor, middle: float, unit: float) -> Tensor:
    """Images under colour maps; ``(x - middle) / unit`` is in [-1, 1]."""
    flat = torch.baddbmm(offset * unit + middle, matrix, images.flatten(2).to(matrix) - middle)
    return flat.view_as(images).to(images)
