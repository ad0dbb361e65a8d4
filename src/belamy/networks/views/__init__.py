"""Views: what is done to images before the discriminator sees them, to real and generated ones alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Module

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws


class View(Module, Protocol):
    """What the class ``View(shape, value_range, *, …)`` of a file here must have."""

    def forward(self, images: Tensor, draw: Draws, progress: float) -> Tensor:
        """Images of the same shape, differentiable; the very tensor where nothing is done.  # [N, C, H, W]

        Args:
            images: Real or generated ones.
            draw: The step's random numbers.
            progress: Share of the run that is over.
        """
        ...

    def observe(self, real_scores: Tensor) -> None:
        """Called after each update of the discriminator with its scores of real images.  # [N]"""
