"""Optimisers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class Optimizer(Protocol):
    """What the class ``Optimizer(parameters, *, lr=…)`` of a file here must have."""

    torch: torch.optim.Optimizer

    def step(self, factor: float) -> None:
        """Apply the gradients at ``factor`` times the learning rate."""
