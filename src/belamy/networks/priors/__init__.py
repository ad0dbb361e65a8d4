"""Prior of the latents: what a generator is fed, and the way from one latent to another."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Numbers(Protocol):
    """Where random numbers come from: ``Draws`` in training, ``SampleDraws`` in sampling."""

    def normal(self, stream: str, count: int, *shape: int) -> Tensor:
        """``[count, *shape]`` standard normal numbers."""

    def uniform(self, stream: str, count: int, *shape: int) -> Tensor:
        """``[count, *shape]`` numbers uniform on [0, 1)."""


class Prior(Protocol):
    """What the class ``Law(latent, *, …)`` of a file here must have, where ``latent`` is the full size."""

    latent: int

    def sample(self, count: int, numbers: Numbers, stream: str = "sample") -> Tensor:
        """Latents, from numbers of the stream of that name.  # [count, latent]"""
        ...

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
        """Latents between ``a`` at t = 0 and ``b`` at t = 1, against which a tensor t broadcasts.  # […, latent]"""
        ...
