"""What ways that draw a curve through the known samples have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from belamy.networks.classical_enhancers._damage import clipped, each_sound, silences


class Interpolation:
    """Samples that were lost or cut off, from those around them; what is known stays.

    Silence at the beginning or the end stays as well, for there is a known side alone. What was cut off comes out at
    least as far from 0 as the level where it was cut.

    Args:
        rate: Samples in a second.
    """

    against: ClassVar[tuple[str, ...]] = ("clipping", "gaps", "packet-loss")

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def drawn(self, sound: np.ndarray, missing: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """The sound with other values at the missing places.  # float [T], bool [T], int [T] of -1, 0, 1"""
        raise NotImplementedError

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds without what was lost.  # [N, C, T]"""
        return each_sound(sounds, self._restored)

    def _restored(self, sound: np.ndarray) -> np.ndarray:
        cut = clipped(sound)
        missing = cut != 0
        for start, stop in silences(sound, self.rate):
            if start > 0 and stop < len(sound):
                missing[start:stop] = True
        if not missing.any() or (~missing).sum() < 2:
            return sound
        found = self.drawn(sound, missing, cut)
        return np.where(cut * found < cut * sound, sound, found)
