"""Growth: at which size the networks of a game work, sample by sample of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Growth(Protocol):
    """What the class ``Growth(shape, batch, *, …)`` of a file here must have; it keeps no state.

    ``shape`` is that of the images, ``batch`` the recipe's batch.
    """

    def level(self, samples: int) -> float:
        """How often full images are halved when the run has seen ``samples``."""
        ...

    def batches(self, samples: int) -> int:
        """How many of the recipe's batches a step takes together."""
        ...

    def shown(self, images: Tensor, level: float) -> Tensor:
        """Real images as the discriminator is shown them.  # [N, C, H, W]"""
        ...
