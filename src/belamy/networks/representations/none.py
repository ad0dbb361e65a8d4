"""No representation."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from belamy.modalities.fields import Field


class Representation(nn.Module):
    """Networks see the data as they are.

    Args:
        field: The main one of the data.
    """

    takes, gives = "any", "any"

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.shape = tuple(field.shape)

    def measure(self, samples: Iterable[Tensor]) -> None:
        """There is nothing to measure."""

    def forward(self, samples: Tensor) -> Tensor:
        """The same."""
        return samples

    def inverse(self, seen: Tensor) -> Tensor:
        """The same."""
        return seen
