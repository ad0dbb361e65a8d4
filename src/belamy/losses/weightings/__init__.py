"""Weights of samples: which of a batch count, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Module

if TYPE_CHECKING:
    from torch import Tensor


class Weighting(Module, Protocol):
    """What the class ``Weighting`` of a file here must have.

    Both methods give factors of mean 1, over the batches of all processes, from scores without gradients; who does not
    weight one kind of samples returns ones. ``progress`` goes from 0 to 1 through the run.
    """

    def real(self, scores: Tensor, progress: float) -> Tensor:
        """Factors of the real samples in the discriminator's loss.  # [N] to [N]"""
        ...

    def fake(self, scores: Tensor, progress: float) -> Tensor:
        """Factors of the generated samples in the generator's loss.  # [N] to [N]"""
        ...
