"""Latents on a sphere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from belamy.networks.priors import Numbers
from belamy.networks.priors.paths import slerp


class Prior:
    r"""Uniform on the sphere of radius √d; interpolated along great circles.

    .. math:: \sqrt d\, z / \lVert z\rVert_2, \qquad z \sim N(0, I_d)

    The radius gives every coordinate mean 0 and variance 1. Opposite points have no shortest way; theirs is straight.

    References:
        White 2016, arXiv 1609.04468, section 2.1; Karras et al. 2017, arXiv 1710.10196, appendix A.1.

    Args:
        latent: Size d of a latent.
    """

    def __init__(self, latent: int) -> None:
        self.latent = latent

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """``[count, latent]``."""
        z = numbers.normal(stream, count, self.latent)
        length = torch.linalg.vector_norm(z, dim=1, keepdim=True)
        return z * (math.sqrt(self.latent) / length.clamp_min(torch.finfo(z.dtype).tiny))

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents on the great circle."""
        return slerp(a, b, t)
