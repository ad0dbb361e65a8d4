"""Enhancers: noisy or damaged speech made clean by rule, without learning – what networks have to beat.

Contract of a file here: a class ``ClassicalEnhancer(rate, *, …)`` whose call makes sounds of the same shape, and which
says what it is against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class ClassicalEnhancer(Protocol):
    """What the class ``ClassicalEnhancer(rate, *, …)`` must have; the rate is that of the sounds, in hertz."""

    @property
    def against(self) -> tuple[str, ...]:
        """The degradations that it undoes, by their names in :mod:`belamy.networks.sound_degradations`."""
        ...

    def __call__(self, sounds: Tensor) -> Tensor:
        """Clean sounds of spoilt ones of any length, each channel by itself.  # [N, C, T]"""
        ...
