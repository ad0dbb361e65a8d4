"""Standard normal latents."""

from __future__ import annotations

from torch import Tensor

from belamy.networks.priors import Numbers
from belamy.networks.priors.paths import slerp


class Prior:
    """Independent N(0, 1) numbers; interpolated along the arc, which keeps their typical length.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3; the arc: White 2016, arXiv 1609.04468, section 2.1.

    Args:
        latent: Size of a latent.
    """

    def __init__(self, latent: int) -> None:
        self.latent = latent

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """``[count, latent]``."""
        return numbers.normal(stream, count, self.latent)

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents on the arc."""
        return slerp(a, b, t)
