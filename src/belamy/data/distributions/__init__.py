"""Distributions on the line or in the plane whose density is known: what games play for and points are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws

DISTRIBUTIONS = Registry("belamy.data.distributions", "distribution", "Distribution")


class Distribution(Protocol):
    """What the class ``Distribution(*, …)`` of a file here must have.

    Attributes:
        dimensions: 1 or 2.
        window: (low, high), the stretch of each axis that is drawn and measured over; nearly all mass lies within.
        centres: The modes' places ``[K, d]``, None where it has none.
        spread: The modes' standard deviation, 0 where it has none.

    In the plane it also has ``density_on_grid(x, y) -> [len(y), len(x)]``, the density at every pair.
    """

    dimensions: int
    window: tuple[float, float]
    centres: Tensor | None
    spread: float

    def sample(self, count: int, draw: Draws) -> Tensor:
        """Points, float32.  # [count, d]"""
        ...

    def density(self, points: Tensor) -> Tensor:
        """The exact, normalised density.  # [N, d] to [N]"""
        ...
