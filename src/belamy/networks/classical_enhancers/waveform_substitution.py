"""A lost packet is what followed where the sound was like that before it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._damage import each_sound, silences


class ClassicalEnhancer:
    r"""Looks back for the samples that are most like the last ones before a loss, and takes those that came after them.

    Likeness is the normalised correlation. What is found lies at least as long ago as the samples that are looked for,
    and is repeated where the loss is longer. Backwards, all is the same from the end of the sound.

    References:
        Goodman, Lockhart, Wasem & Wong 1986, "Waveform substitution techniques for recovering missing speech segments
        in packet voice communications" (pattern matching).

    Args:
        rate: Samples in a second.
        pattern: Milliseconds of the samples that are looked for.
        back: Milliseconds in which they are.
        backwards: From what comes after a loss instead.

    Raises:
        UsageError: A pattern without samples, or longer than what it is looked for in.
    """

    against = ("gaps", "packet-loss")

    def __init__(self, rate: float, *, pattern: float = 4.0, back: float = 20.0, backwards: bool = False) -> None:
        self.rate, self.backwards = rate, backwards
        self.pattern, self.back = (round(rate * each / 1000) for each in (pattern, back))
        if not 1 <= self.pattern <= self.back:
            raise UsageError(
                f"waveform-substitution has pattern={pattern:g} and back={back:g} ms, but the first must have samples "
                "and not be longer than the second. Type pattern=4,back=20."
            )

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds without silent packets.  # [N, C, T]"""
        if self.backwards:
            return each_sound(sounds.flip(-1), self._restored).flip(-1)
        return each_sound(sounds, self._restored)

    def _restored(self, sound: np.ndarray) -> np.ndarray:
        found = sound.copy()
        for start, stop in silences(sound, self.rate):
            if start >= 2 * self.pattern:
                found[start:stop] = np.resize(self._followed(found[:start]), stop - start)
        return found

    def _followed(self, before: np.ndarray) -> np.ndarray:
        """The samples from behind the place that is most like the end, up to it.  # [T] to [up to back]"""
        near = before[-(self.back + self.pattern) :]
        last = near[-self.pattern :]
        places = np.lib.stride_tricks.sliding_window_view(near[: -self.pattern], self.pattern)
        like = places @ last / np.sqrt((places**2).sum(1) + 1e-12)
        return near[int(like.argmax()) + self.pattern :]
