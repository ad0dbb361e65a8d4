"""Whether generated images are of the class that was asked for."""

from __future__ import annotations

from typing import ClassVar

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import wilson
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval


class Metric(BaseMetric):
    """Share of the generated images that an independent classifier takes for the class they were asked to be.

    The classifier's own share on real images is its ceiling, and comes beside it as ``label-fidelity-real``. Intervals
    are those of shares of independent images.

    References:
        "GAN-test" of Shmelkov et al. 2018, arXiv 1807.09499, section 3.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities", "labels"})

    def __init__(self) -> None:
        self.right = {"real": 0, "fake": 0}
        self.count = {"real": 0, "fake": 0}

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        for side, seen in (("real", real), ("fake", fake)):
            if seen is not None and seen.told is not None and seen.labels is not None:
                self.right[side] += int((seen.told == seen.labels).sum())
                self.count[side] += len(seen)

    def merge(self, other: Metric) -> None:
        for side in self.count:
            self.right[side] += other.right[side]
            self.count[side] += other.count[side]

    def compute(self) -> dict[str, float]:
        return {name: interval.value for name, interval in self.intervals().items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.count["fake"]:
            return {}
        names = {"fake": "label-fidelity", "real": "label-fidelity-real"}
        return {name: wilson(self.right[side], self.count[side]) for side, name in names.items() if self.count[side]}
