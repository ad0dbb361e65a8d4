"""Normal latents without tails."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.priors import Numbers
from belamy.networks.priors.paths import slerp


class Prior:
    r"""Independent N(0, 1) numbers given that they lie in [-τ, τ], by the inverse of their distribution function.

    .. math:: z = \Phi^{-1}\bigl(\Phi(-\tau) + u\,(\Phi(\tau) - \Phi(-\tau))\bigr), \qquad u \sim U[0, 1)

    Interpolated along the arc between the standard normal numbers of the same rank, and mapped back: so what lies
    between has the same distribution where the latents are at right angles, and never leaves [-τ, τ].

    *Departs from the paper*, which draws again whatever exceeds τ: the distribution is the same.

    References:
        Brock et al. 2018, arXiv 1809.11096, section 3.1.

    Args:
        latent: Size of a latent.
        threshold: τ, in [0.01, 5].

    Raises:
        UsageError: A threshold out of range.
    """

    def __init__(self, latent: int, *, threshold: float = 2.0) -> None:
        if not 0.01 <= threshold <= 5:
            raise UsageError(f"truncated.threshold is {threshold:g}, but it must be in 0.01..5. Type threshold=2.")
        self.latent, self.threshold = latent, threshold
        self._tail = 0.5 * math.erfc(threshold / math.sqrt(2))  # Φ(-τ)

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """``[count, latent]``."""
        return self._from_rank(numbers.uniform(stream, count, self.latent))

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents on the arc between normal numbers of the same rank."""
        between = slerp(self._to_normal(a), self._to_normal(b), t)
        return self._from_rank(torch.special.ndtr(between))

    def _from_rank(self, u: Tensor) -> Tensor:
        z = torch.special.ndtri(self._tail + u * (1 - 2 * self._tail))
        return z.clamp(-self.threshold, self.threshold)

    def _to_normal(self, z: Tensor) -> Tensor:
        margin = torch.finfo(z.dtype).eps  # the ends ±τ would be at infinity
        rank = (torch.special.ndtr(z) - self._tail) / (1 - 2 * self._tail)
        return torch.special.ndtri(rank.clamp(margin, 1 - margin))
