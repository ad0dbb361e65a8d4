"""Uniform latents."""

from __future__ import annotations

from torch import Tensor

from belamy.networks.priors import Numbers
from belamy.networks.priors.paths import linear


class Prior:
    """Independent numbers uniform on [-1, 1); interpolated along the straight way, which stays in the cube.

    References:
        Radford et al. 2015, arXiv 1511.06434, figure 1.

    Args:
        latent: Size of a latent.
    """

    def __init__(self, latent: int) -> None:
        self.latent = latent

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """``[count, latent]``."""
        return numbers.uniform(stream, count, self.latent) * 2 - 1

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents on the straight way."""
        return linear(a, b, t)
