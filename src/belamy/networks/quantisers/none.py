"""No codes: features stay the numbers that they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.networks.quantisers import Quantised
from belamy.networks.sizes import check_positive


class Quantiser(nn.Module):
    """Features as they are, for what learns with numbers instead of codes.

    Args:
        dimensions: Features of each place.

    Raises:
        UsageError: There are no dimensions.
    """

    codes = 0

    def __init__(self, *, dimensions: int = 4) -> None:
        super().__init__()
        check_positive(dimensions, "none:dimensions")
        self.dimensions = dimensions

    def forward(self, features: Tensor) -> Quantised:
        """The features; no place has a code."""
        return Quantised(features, torch.zeros_like(features[:, 0], dtype=torch.long), {})

    def vectors(self, codes: Tensor) -> Tensor:
        """Zeros: no code stands for anything."""
        return torch.zeros(len(codes), self.dimensions, *codes.shape[1:], device=codes.device)

    def revive(self, codes: Tensor, features: Tensor) -> None:
        """Nothing: there are no codes."""
