"""Degradations: how small pictures are made of large ones, for networks that are to undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws, SampleDraws


class Degradation(Protocol):
    """What the class ``Degradation(scale, *, …)`` of a file here must have."""

    def __call__(self, images: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Small pictures of large ones, differentiable; each a function of its own row of the random numbers.

        Args:
            images: Grey or colours in [-1, 1].  # [N, C, H, W]
            draws: The random numbers; each stream is asked for once.

        Returns:
            Pictures in [-1, 1] of ``H // scale`` by ``W // scale`` pixels.
        """
        ...
