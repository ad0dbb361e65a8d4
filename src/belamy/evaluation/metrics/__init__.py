"""Metrics, found by file name; each module holds one as its class ``Metric``.

A metric counts what is seen of real and of generated images, in any parts, and computes named numbers in the end.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

from belamy.evaluation.seen import Seen
from belamy.shelf import Shelf

METRICS = Shelf("belamy.evaluation.metrics", "metric", "Metric")


class Accumulates(Protocol):
    """What a metric can do."""

    def update(self, *, real: Seen | None = None, fake: Seen | None = None) -> None:
        """Count what is seen of some real and some generated images."""

    def merge(self, other: Self) -> None:
        """Count what another accumulator of the same kind has counted."""

    def compute(self) -> dict[str, Any]:
        """The numbers by name; none where what was seen cannot tell."""
