"""Distances of sounds by their short-time spectra, one value per sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Spectral(Protocol):
    """What the class ``Spectral(*, …)`` of a file here must have."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The distance of sounds in [-1, 1].  # [N, C, T] twice to [N]"""
        ...
