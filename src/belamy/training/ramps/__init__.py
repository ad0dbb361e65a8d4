"""Ramps by name: how a number of a recipe's part, such as a penalty's weight, reaches its value."""

from __future__ import annotations

from typing import Protocol


class Ramp(Protocol):
    """What the class ``Ramp(total, *, of, start, …)`` of a file here must have.

    ``total`` are the samples in the whole run; ``of`` names what changes, ``penalties.r1.weight``.
    """

    of: str
    start: float

    def __call__(self, samples: int) -> float:
        """The share of the way from ``start`` to the recipe's own value that is done after so many samples, 0 to 1."""
        ...


def span_of(of: str, over: int, total: int) -> int:
    """The samples that a ramp takes.

    Args:
        of: What changes.
        over: The samples asked for; 0 for the whole run.
        total: Samples in the whole run.

    Raises:
        UsageError: ``over`` is negative.

    Example:
        >>> span_of("ema_half_life", 0, 1000), span_of("ema_half_life", 300, 1000)
        (1000, 300)
    """
    from belamy.errors import UsageError

    if over < 0:
        raise UsageError(f"The ramp of {of} is over {over} samples, but it must be at least 0; 0 is the whole run.")
    return over or total
