"""Variations of sounds: the same recording as it could be with another voice or microphone, to learn from more.

Contract of a file here: a class ``SoundVariation(*, …)``. What is random is a function of each sound's own row of the
random numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.seeds import Draws, SampleDraws


class SoundVariation(Protocol):
    """What the class ``SoundVariation(*, …)`` of a file here must have."""

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds of the same shape that are others of the same kind.  # [N, C, T]

        Args:
            sounds: In [-1, 1].
            draws: The random numbers.
        """
        ...
