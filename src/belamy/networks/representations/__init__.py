"""Representations: what the networks of a game see of the data, and how samples are made of what they generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from belamy.registry import Module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


class Representation(Module, Protocol):
    """What the class ``Representation(field, *, …)`` of a file here must have; ``field`` is the data's main one.

    What it measures of the data lies in buffers.

    Attributes:
        takes: The modality of the data, or ``any``.
        gives: The modality of what networks see, or ``any`` for the data's own.
        shape: Of a sample as networks see it.
    """

    takes: str
    gives: str
    shape: tuple[int, ...]

    def measure(self, samples: Iterable[Tensor]) -> None:
        """Measure what must be known of training samples, some at a time, before anything is learned."""
        ...

    def forward(self, samples: Tensor) -> Tensor:
        """What networks see of samples, in [-1, 1] or nearly so.  # [N, *field.shape] to [N, *shape]"""
        ...

    def inverse(self, seen: Tensor) -> Tensor:
        """Samples in [-1, 1] of what networks generate.  # [N, *shape] to [N, *field.shape]"""
        ...
