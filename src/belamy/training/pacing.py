"""How much of a run goes into looking at it: a tenth, where looking is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, process_time

import torch

CHEAP = 0.25
"""Seconds that something may take and still be done whenever it is due."""
SHARE = 0.05
"""Of the training time, for each of the two that may be slow: snapshots, and looks of the watch."""


class Pace:
    """Lets what is slow be done only as often as its share of the training time allows; what is quick, always.

    Args:
        device: Of the training; on the CPU the time of other programs does not count.
    """

    def __init__(self, device: torch.device) -> None:
        self.now = process_time if device.type == "cpu" else monotonic
        self.spent = self.last = 0.0

    def allows(self, trained: float) -> bool:
        """Whether it may be done once more after so many seconds of training in this session."""
        return self.last <= CHEAP or self.spent + self.last <= SHARE * trained

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts what is done within."""
        started = self.now()
        try:
            yield
        finally:
            self.last = self.now() - started
            self.spent += self.last


def slowed(seconds: float, sheet: float, snapshots: int) -> float:
    """Seconds that a run takes with its snapshots, of seconds of training and of one sheet.

    Example:
        >>> slowed(100.0, 0.1, 48), slowed(100.0, 60.0, 48)
        (104.8, 225.0)
    """
    if sheet <= CHEAP:
        return seconds + sheet * snapshots
    most = int(SHARE * seconds / sheet) + 2  # the first and the last are always drawn
    return seconds + sheet * min(snapshots + 1, most) + SHARE * seconds
