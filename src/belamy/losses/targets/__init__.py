"""Label tricks: what a discriminator is told instead of "real" (1) and "generated" (0), for every adversarial loss.

They chain. A loss then takes ``t · on_real(s) + (1 - t) · on_fake(s)``, for cross-entropy exactly the cross-entropy
with the label t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Module

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws


class Targets(Module, Protocol):
    """What the class ``Targets`` of a file here must have."""

    def forward(self, targets: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """Labels of ``real`` or of generated samples from what they were before.  # [N] to [N]

        Args:
            targets: What they were before.
            real: Whether the samples are real.
            draw: The step's random numbers.
            progress: Share of the run that is over, from 0 to 1.
        """
        ...
