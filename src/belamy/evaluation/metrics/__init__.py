"""Metrics, found by file name; each module holds one as its class ``Metric``.

A metric counts what is seen of real and of generated images, in any parts, and computes named numbers in the end, each
with the interval of 95 % about what it estimates. Options are its constructor's keyword arguments, so that
``kernel:subsets=50`` works.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.statistics import Interval
from belamy.registry import Registry


class Metric(Protocol):
    """What a metric can do; one that derives from it need not write what it has nothing to say to.

    Attributes:
        needs: What it cannot do without, of ``images``, ``probabilities``, ``labels``, ``pitches``, ``train`` and
            ``grammar``; a
            metric that needs ``train`` is also told what the generator learned from, as ``update(train=…)``.
        modalities: Kinds of samples that it judges; empty for any that an extractor sees.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    modalities: ClassVar[tuple[str, ...]] = ()

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        """Count what is seen of some real and some generated images."""

    def merge(self, other: Self) -> None:
        """Count what another accumulator of the same kind has counted."""

    def compute(self) -> dict[str, float]:
        """The numbers by name; none where what was seen cannot tell."""
        ...

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        """The numbers with their intervals of 95 %; one is left out where there is no honest interval.

        Args:
            seed: Of the resampling, where there is any.
        """
        return {}

    @property
    def notes(self) -> list[str]:
        """Plain words on what the numbers of this very computation do not mean; none if nothing is amiss."""
        return []

    def figures(self) -> dict[str, Tensor]:
        """Pictures worth looking at, uint8 ``[H, W]`` or ``[H, W, 3]``, by title."""
        return {}


SPOKEN = {
    "fid": "frechet",
    "fid-infinity": "frechet-infinity",
    "is": "inception-score",
    "kid": "kernel",
    "kad": "kernel",
    "mmd": "kernel",
    "prdc": "density-coverage",
    "precision": "precision-recall",
    "recall": "precision-recall",
    "density": "density-coverage",
    "coverage": "density-coverage",
    "kl": "modes",
    "js": "ngram-divergence",
    "grammaticality": "grammar",
}
"""Other words for metrics, or for one of their numbers."""
METRICS = Registry("belamy.evaluation.metrics", "metric", "Metric", spoken=SPOKEN)


def named(metrics: Sequence[str] | None) -> list[str] | None:
    """Metrics by their names in the registry, whatever word the user knows them by; each once.

    Example:
        >>> named(["FID", "kid:subsets=5"])
        ['frechet', 'kernel:subsets=5']
    """
    if metrics is None:
        return None
    found = []
    for word in metrics:
        name, colon, options = word.partition(":")
        plain = name.lower().replace("_", "-")
        found.append(f"{SPOKEN.get(plain, plain)}{colon}{options}")
    return list(dict.fromkeys(found))
