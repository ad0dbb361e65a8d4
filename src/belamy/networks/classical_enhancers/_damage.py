"""Where a sound was cut off or fell silent, told from its samples alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from belamy.networks.classical_enhancers._gains import of_channels

SHORTEST, LONGEST = 0.001, 0.1
"""Seconds of zeros, one after the other, that are a loss: sounds cross shorter ones, and longer ones are pauses."""
_FADED = 2
"""So many of the sound's smallest steps from 0, a sound has faded before it is silent."""
_CUT = 0.75
"""Share of the samples that are not 0, from which on a sound at its extremes is whole, such as a square wave."""


def runs(places: np.ndarray) -> list[tuple[int, int]]:
    """Where stretches that hold begin, and where they have ended.

    Args:
        places: Bool ``[T]``.

    Example:
        >>> runs(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], places, [False]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def silences(sound: np.ndarray, rate: float) -> list[tuple[int, int]]:
    """Runs of samples that are 0, as gaps and lost packets leave them, from a millisecond to a tenth of a second.

    Where the sound fades away before, and comes again from nothing, silence was recorded.

    Args:
        sound: ``[T]``.
        rate: Samples in a second.
    """
    least, most = max(2, round(SHORTEST * rate)), round(LONGEST * rate)
    sizes = np.abs(sound)
    faint = _FADED * sizes[sizes > 0].min(initial=np.inf)
    return [
        (start, stop)
        for start, stop in runs(sound == 0)
        if least <= stop - start <= most
        and max(sizes[max(0, start - least) : start].max(initial=0), sizes[stop : stop + least].max(initial=0)) > faint
    ]


def clipped(sound: np.ndarray) -> np.ndarray:
    """1 where samples are cut off above, -1 where below, 0 elsewhere.  # [T] to int [T]

    A side is cut off where two neighbours have the same extreme value, unless nearly all that is not 0 lies at them.
    """
    found = np.zeros(len(sound), int)
    for sign in (1, -1):
        side = sign * sound
        at = side == side.max()
        if side.max() > 0 and (at[1:] & at[:-1]).any():
            found[at] = sign
    return found if np.sum(found != 0) < _CUT * np.sum(sound != 0) else np.zeros(len(sound), int)


def each_sound(sounds: Tensor, work: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """What is made of each channel by itself, as arrays of float64.  # [N, C, T]"""

    def all_of(some: Tensor) -> Tensor:
        return torch.stack([torch.from_numpy(work(one)).to(some) for one in some.cpu().numpy()])

    return of_channels(sounds, all_of)
