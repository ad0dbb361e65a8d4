"""Reconstruction losses: how far an output is from its target, one value per sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Reconstruction(Protocol):
    """What the class ``Reconstruction`` of a file here must have."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of values in [0, 1].  # [N, C, H, W] twice to [N]"""
        ...
