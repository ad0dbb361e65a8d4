"""Prior of the latents: what a generator is fed, and the way from one latent to another.

Contract of a file here: a class ``Prior(latent, *, …)``, where ``latent`` is the full size, with

- ``sample(count, numbers, stream="sample") -> [count, latent]``: ``numbers`` is ``Draws`` in training and
  ``SampleDraws`` in sampling, ``stream`` the name under which numbers are drawn from it;
- ``interpolate(a, b, t) -> latents`` between ``[…, latent]`` both, ``a`` at t = 0 and ``b`` at t = 1; ``t`` is a number
  or a tensor that broadcasts against them, e.g. ``[steps, 1, 1]``.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Numbers(Protocol):
    """Where random numbers come from: ``Draws`` or ``SampleDraws``."""

    def normal(self, stream: str, count: int, *shape: int) -> Tensor:
        """``[count, *shape]`` standard normal numbers."""

    def uniform(self, stream: str, count: int, *shape: int) -> Tensor:
        """``[count, *shape]`` numbers uniform on [0, 1)."""
