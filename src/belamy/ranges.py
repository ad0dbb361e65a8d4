"""Numbers within their range: one check, and one sentence, for all numbers that users give."""

from __future__ import annotations

from math import inf
from typing import NamedTuple, TypeVar

from belamy.errors import UsageError

Number = TypeVar("Number", int, float)


class Within(NamedTuple):
    """The bounds of a number, as a check or in the annotation of an option: ``Annotated[int, Within(1, 64)]``.

    Args:
        least: The least that is allowed.
        most: The most that is allowed.
        above: Whether the least itself is refused.

    Example:
        >>> Within(1, 512).check("cosine.side", 32)
        32
    """

    least: float
    most: float = inf
    above: bool = False

    def check(self, option: str, value: Number) -> Number:
        """The number itself.

        Raises:
            UsageError: It lies outside.
        """
        if not ((self.least < value if self.above else self.least <= value) and value <= self.most):
            raise UsageError(f"{option} is {number(value)}, but it must be {self.words}.")
        return value

    @property
    def words(self) -> str:
        """The bounds in words."""
        low, high = number(self.least), number(self.most)
        if self.most == inf:
            return f"above {low}" if self.above else f"at least {low}"
        return f"above {low} and at most {high}" if self.above else f"in {low}..{high}"


def number(value: float) -> str:
    """A number as people write it.

    Example:
        >>> number(10_000), number(0.05), number(64.0)
        ('10,000', '0.05', '64')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
