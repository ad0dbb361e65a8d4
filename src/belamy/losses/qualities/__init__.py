"""Qualities of sounds as listeners hear them, without gradients, for a discriminator that learns to foretell them.

Contract of a file here: a class ``Quality(rate, *, …)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Quality(Protocol):
    """What the class ``Quality(rate, *, …)`` of a file here must have; the rate is in hertz."""

    def __call__(self, reference: np.ndarray, estimate: np.ndarray) -> float:
        """The quality of an estimate beside the sound itself, 0 to 1; NaN where it cannot be told.  # [T] twice"""
        ...
