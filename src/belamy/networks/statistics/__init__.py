"""Statistics of a batch that a discriminator sees besides each sample's features.

They look at the batch of this process alone: with W processes each sample is compared with N/W others, so, unlike the
rest of Belamy, a run on several processes differs from one on a single process with the same global batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Module

if TYPE_CHECKING:
    from torch import Tensor


class Statistic(Module, Protocol):
    """What the class ``Statistic(features, *, …)`` of a file here must have.

    Attributes:
        count: How many numbers K it gives for each sample.
    """

    count: int

    def forward(self, features: Tensor) -> Tensor:
        """The numbers, twice differentiable.  # [N, F] to [N, K]"""
        ...
