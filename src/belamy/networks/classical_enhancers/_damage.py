"""Where a sound was cut off or fell silent, told from its samples alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from belamy.networks.classical_enhancers._gains import of_channels

SHORTEST = 0.001
"""Seconds of zeros, one after the other, that are taken for a loss; shorter ones are what sounds cross."""


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
    """Runs of samples that are 0, as gaps and lost packets leave them, of a millisecond and more.

    Args:
        sound: ``[T]``.
        rate: Samples in a second.
    """
    least = max(2, round(SHORTEST * rate))
    return [(start, stop) for start, stop in runs(sound == 0) if stop - start >= least]


def clipped(sound: np.ndarray) -> np.ndarray:
    """1 where samples are cut off above, -1 where below, 0 elsewhere.  # [T] to int [T]

    A side is cut off where two neighbours have the same extreme value.
    """
    found = np.zeros(len(sound), int)
    for sign in (1, -1):
        side = sign * sound
        at = side == side.max()
        if side.max() > 0 and (at[1:] & at[:-1]).any():
            found[at] = sign
    return found


def each_sound(sounds: Tensor, work: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """What is made of each channel by itself, as arrays of float64.  # [N, C, T]"""

    def all_of(some: Tensor) -> Tensor:
        return torch.stack([torch.from_numpy(work(one)).to(some) for one in some.cpu().numpy()])

    return of_channels(sounds, all_of)
