"""Quantisers: each place of a map of features becomes one of so many codes, and gradients pass as if it did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from torch import Tensor


class Quantised(NamedTuple):
    """What a quantiser makes of features.

    Args:
        vectors: In place of the features; gradients go straight through to them.  # [N, D, h, w]
        codes: The number of each place's code, from 0.  # long [N, h, w]
        terms: Losses of each sample that bring features and codes together, by name; none where nothing must.
    """

    vectors: Tensor
    codes: Tensor
    terms: Mapping[str, Tensor]


class Quantiser(Protocol):
    """What the class ``Quantiser`` of a file here must have; it is an ``nn.Module``."""

    codes: int
    """How many codes there are."""
    dimensions: int
    """Features of each place."""

    def __call__(self, features: Tensor) -> Quantised:
        """Codes of features.  # [N, dimensions, h, w]"""
        ...

    def vectors(self, codes: Tensor) -> Tensor:
        """What codes stand for.  # long [N, h, w] to [N, dimensions, h, w]"""
        ...

    def revive(self, codes: Tensor, features: Tensor) -> None:
        """Give codes that have died a new place among the features; nothing where codes have none to give.

        Args:
            codes: Their numbers.  # long [k]
            features: New places.  # [k, dimensions]
        """
        ...
