"""What a method lets one choose when it draws or translates."""

from __future__ import annotations

import math
from typing import NamedTuple


class SamplingOption(NamedTuple):
    """What a method's sampler lets one choose, a number; it is an option of ``belamy sample`` for runs of the method.

    Args:
        default: What it is where nobody chooses.
        help: What it does, in a sentence.
        least: The least that is allowed.
        most: The most that is allowed.
        whole: Whether it must be a whole number.
        choices: Names of the numbers from 0 on, of which one is chosen by its name.
    """

    default: float
    help: str
    least: float = -math.inf
    most: float = math.inf
    whole: bool = False
    choices: tuple[str, ...] = ()

    def allows(self, value: float) -> bool:
        """Whether a number is finite, whole where it must be, and within the bounds."""
        return math.isfinite(value) and self.least <= value <= self.most and not (self.whole and value % 1)

    @property
    def bounds(self) -> str:
        """What is allowed, in words."""
        ends = [
            f"{word} {end:,g}" for word, end in (("at least", self.least), ("at most", self.most)) if math.isfinite(end)
        ]
        return f"a {'whole' if self.whole else 'finite'} number{' of ' * bool(ends)}{' and '.join(ends)}"
