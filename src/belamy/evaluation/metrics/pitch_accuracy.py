"""Whether generated notes have the pitch that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import wilson
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval
from belamy.evaluation.yin import pitches
from belamy.modalities import modality
from belamy.modalities.pitches import frequency_of, named

CENTS = 50.0
"""A quarter tone."""


class Metric(BaseMetric):
    """Share of generated notes whose pitch is within a quarter tone of the one that they were asked to have.

    A note without any pitch is wrong. The share among real notes, as the estimator hears them, comes beside it as
    ``pitch-accuracy-real``. Classes are named by pitches, C4 or its MIDI number 60.

    References:
        Estimator: de Cheveigné & Kawahara 2002, see :mod:`belamy.evaluation.yin`; as a measure of generated notes:
        Engel et al. 2019, arXiv 1902.08710, section 4.

    Args:
        names: Of the classes; without any, a class's number is the MIDI number.
        cents: How far from it a pitch may be, in hundredths of a semitone.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images", "labels", "pitches"})
    modalities: ClassVar[tuple[str, ...]] = ("audio",)

    def __init__(self, names: Sequence[str] = (), *, cents: float = CENTS) -> None:
        self.wanted, self.cents = [named(name) for name in names], cents
        self.right = {"real": 0, "fake": 0}
        self.count = {"real": 0, "fake": 0}

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        for side, seen in (("real", real), ("fake", fake)):
            if seen is None or seen.images is None or seen.labels is None or seen.field is None or not len(seen):
                continue
            sounds = modality("audio").to_float(seen.images, seen.field).mean(1)
            off = cents_off(pitches(sounds, seen.field.hertz), self.asked(seen.labels))
            self.right[side] += int((off.abs() <= self.cents).sum())
            self.count[side] += len(seen)

    def asked(self, labels: Tensor) -> Tensor:
        """Hertz of each label; NaN of a class that is no pitch.  # [n] long to [n] float64"""
        numbers = self.wanted or list(range(128))
        table = [float("nan") if each is None else frequency_of(each) for each in numbers]
        return torch.tensor(table, dtype=torch.float64)[labels]

    def merge(self, other: Metric) -> None:
        for side in self.count:
            self.right[side] += other.right[side]
            self.count[side] += other.count[side]

    def compute(self) -> dict[str, float]:
        return {name: interval.value for name, interval in self.intervals().items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.count["fake"]:
            return {}
        sides = {"fake": "pitch-accuracy", "real": "pitch-accuracy-real"}
        return {name: wilson(self.right[side], self.count[side]) for side, name in sides.items() if self.count[side]}


def cents_off(heard: Tensor, wanted: Tensor) -> Tensor:
    """By how many cents frequencies lie above wanted ones; NaN where there is none.

    Example:
        >>> cents_off(torch.tensor([440.0, 466.1638]), torch.tensor([440.0, 440.0])).round()
        tensor([  0., 100.])
    """
    return 1200 * (heard / wanted).log2()
