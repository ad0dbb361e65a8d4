"""Learning-rate schedules by name."""

from __future__ import annotations

from typing import Protocol


class Schedule(Protocol):
    """What the class ``Schedule(total)`` of a file here must have; ``total`` are the samples in the whole run."""

    def __call__(self, samples: int, step: int) -> float:
        """The factor of the learning rate after samples seen and steps done."""
        ...
