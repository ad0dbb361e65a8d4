"""No growth."""

from __future__ import annotations

from torch import Tensor


class Growth:
    """The networks work at full size from the beginning.

    Args:
        shape: Of the images; it does not matter.
        batch: The recipe's batch; it does not matter.
    """

    def __init__(self, shape: tuple[int, ...], batch: int) -> None:
        pass

    def level(self, samples: int) -> float:
        """Full size: 0."""
        return 0.0

    def batches(self, samples: int) -> int:
        """One."""
        return 1

    def shown(self, images: Tensor, level: float) -> Tensor:
        """Real images as they are.  # [N, C, H, W]"""
        return images
