"""Degradations of sound: noise, clipping, losses and the like, for networks that are to undo them.

Contract of a file here: a class ``SoundDegradation(rate, *, …)``. What is random is a function of each sound's own row
of the random numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws, SampleDraws


class SoundDegradation(Protocol):
    """What the class ``SoundDegradation(rate, *, …)`` of a file here must have; the rate is in hertz."""

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds of the same shape, spoilt; the range is left where that is what happens.  # [N, C, T]

        Args:
            sounds: In [-1, 1].
            draws: The random numbers; each stream is asked for once.
        """
        ...


def check_span(name: str, low: float, high: float, least: float, most: float, unit: str) -> None:
    """Refuse two ends that are out of range or out of order.

    Raises:
        UsageError: What is allowed.
    """
    if not least <= low <= high <= most:
        raise UsageError(
            f"{name} has low={low:g} and high={high:g}, but {least:g} <= low <= high <= {most:g} {unit} must hold. "
            f"Type {name}:low={max(least, min(low, most)):g},high={max(least, min(max(low, high), most)):g}."
        )


def between(low: float, high: float, draws: Draws | SampleDraws, stream: str, like: Tensor) -> Tensor:
    """A number of each sound, uniform between two ends.  # [N, 1, 1]"""
    return (low + (high - low) * draws.uniform(stream, len(like), 1, 1)).to(like)
