"""Ways from one latent to another."""

from __future__ import annotations

import torch
from torch import Tensor


def linear(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """The straight way: (1-t) a + t b.

    Example:
        >>> linear(torch.zeros(2), torch.ones(2), 0.25)
        tensor([0.2500, 0.2500])
    """
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    r"""The way along the arc between two directions.

    .. math:: \frac{\sin((1-t)\Omega)}{\sin\Omega}a + \frac{\sin(t\Omega)}{\sin\Omega}b, \qquad
        \cos\Omega = \frac{a\cdot b}{\lVert a\rVert\lVert b\rVert}

    Between independent normal latents of many dimensions Ω is near π/2, where the squares of the two factors add up to
    1: what lies between is as long as a latent is, which on the straight way it is not. Directions that are equal or
    opposite have no arc of their own; there the way is straight.

    References:
        White 2016, arXiv 1609.04468, section 2.1; Shoemake 1985, "Animating rotation with quaternion curves".

    Example:
        >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5)
        tensor([0.7071, 0.7071])
    """
    lengths = torch.linalg.vector_norm(a, dim=-1, keepdim=True) * torch.linalg.vector_norm(b, dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    cosine = ((a * b).sum(-1, keepdim=True) / lengths.clamp_min(tiny)).clamp(-1, 1)
    flat = 1 - cosine.square() < 64 * torch.finfo(a.dtype).eps
    angle = torch.where(flat, 0, cosine).acos()
    arc = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(flat, linear(a, b, t), arc)
