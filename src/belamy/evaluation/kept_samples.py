"""What a metric keeps that measures samples themselves, all of them in the end."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval
from belamy.modalities.fields import Field


class SampleMetric(BaseMetric):
    """A metric that keeps the samples of each side and measures in the end."""

    def __init__(self) -> None:
        self.field: Field | None = None
        self._kept: dict[str, list[Any]] = {"real": [], "fake": [], "train": []}
        self._answer: tuple[int, dict[str, Interval]] | None = None

    def read(self, images: Tensor, field: Field) -> list[Any]:
        """What is kept of samples as files hold them, of each by itself."""
        raise AssertionError(f"{type(self).__module__} keeps nothing")

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        for side, seen in (("real", real), ("fake", fake), ("train", train if "train" in self.needs else None)):
            if seen is not None and seen.images is not None and seen.field is not None:
                self.field = seen.field
                self._kept[side] += self.read(seen.images, seen.field)
                self._answer = None

    def merge(self, other: Self) -> None:
        for side, samples in other._kept.items():
            self._kept[side] += samples
        self.field, self._answer = self.field or other.field, None

    def compute(self) -> dict[str, float]:
        return {name: told.value for name, told in self._told(0).items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        return {name: told for name, told in self._told(seed).items() if told.low > -float("inf")}

    def _told(self, seed: int) -> dict[str, Interval]:
        """What is measured, once for each seed; nothing where a side is missing."""
        if any(not self._kept[side] for side in ("real", "fake", *(("train",) if "train" in self.needs else ()))):
            return {}
        if self._answer is None or self._answer[0] != seed:
            self._answer = seed, self.measured(seed)
        return self._answer[1]

    def measured(self, seed: int) -> dict[str, Interval]:
        """The numbers with their intervals, unbounded below where there is no honest one.

        Args:
            seed: Of the resampling alone: the numbers themselves do not depend on it.
        """
        raise AssertionError(f"{type(self).__module__} measures nothing")
