"""What a method that measures itself on held-out data tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from belamy.data import Batch
from belamy.seeds import Draws


class Ratio(NamedTuple):
    """A measure that is a sum over a sum, such as bits per character: not every sample weighs alike.

    Args:
        amounts: Of each sample, e.g. its bits.  # [n]
        units: Over how many, e.g. its characters.  # [n]
    """

    amounts: Tensor
    units: Tensor


@runtime_checkable
class Evaluates(Protocol):
    """Measures itself on held-out data."""

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor | Ratio]:
        """Named values, one per sample ``[n]``; their means over the held-out data are reported, or their ratios."""
        ...
