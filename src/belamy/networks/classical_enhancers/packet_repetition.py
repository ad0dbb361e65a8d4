"""A lost packet is the one before it, once more."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._damage import each_sound, silences


class ClassicalEnhancer:
    """Repeats what came before a loss, over and over, from what was heard alone: a receiver can do so at once.

    References:
        Goodman, Lockhart, Wasem & Wong 1986, "Waveform substitution techniques for recovering missing speech segments
        in packet voice communications" (packet repetition).

    Args:
        rate: Samples in a second.
        milliseconds: Length of what is repeated.

    Raises:
        UsageError: A length without samples.
    """

    against = ("gaps", "packet-loss")

    def __init__(self, rate: float, *, milliseconds: float = 20.0) -> None:
        self.rate, self.length = rate, round(rate * milliseconds / 1000)
        if self.length < 1:
            raise UsageError(
                f"packet-repetition.milliseconds is {milliseconds:g}, in which there is no sample. Type 20."
            )

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds without silent packets.  # [N, C, T]"""
        return each_sound(sounds, self._restored)

    def _restored(self, sound: np.ndarray) -> np.ndarray:
        found = sound.copy()
        for start, stop in silences(sound, self.rate):
            if start > 0:
                found[start:stop] = np.resize(found[max(0, start - self.length) : start], stop - start)
        return found
