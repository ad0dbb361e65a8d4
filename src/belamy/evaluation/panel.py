"""A panel of metrics that judges samples against a split of real images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from belamy.data import Dataset
from belamy.evaluation.candidate import Drawn, Stored, heeds_labels
from belamy.evaluation.card import Card
from belamy.evaluation.features import Extractor
from belamy.evaluation.metrics import METRICS, Accumulates
from belamy.evaluation.seen import Seen
from belamy.methods.base import BaseMethod
from belamy.shelf import Part

USUAL = ("frechet", "modes", "diversity", "label-fidelity")

Chunks = Iterable[tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Judgement:
    """Named numbers, and the card that says how they came about."""

    values: dict[str, float]
    card: Card


class Panel:
    """Judges samples by several metrics over one extractor's features.

    Args:
        extractor: Who looks at the pixels.
        data: The real images.
        split: Which of them are compared with; what the generator learned from is kinder to copies.
        metrics: Names on the shelf ``belamy.evaluation.metrics``.

    Raises:
        UsageError: The data have no such split.
    """

    def __init__(
        self, extractor: Extractor, data: Dataset, split: str = "test", metrics: Sequence[str] = USUAL
    ) -> None:
        self.extractor, self.data, self.split, self.names = extractor, data, split, tuple(metrics)
        self.indices = data.indices(split)

    @cached_property
    def primed(self) -> list[Accumulates]:
        """The metrics after they have seen the real images."""
        made: list[Accumulates] = [
            METRICS.build(Part(name=name), classes=self.extractor.classes) for name in self.names
        ]
        for images, labels in Stored(self.data, self.indices).chunks():
            seen = self.extractor.look(images, labels)
            for metric in made:
                metric.update(real=seen)
        return made

    def judge(self, chunks: Chunks, seed: int = 0, labels: str = "none") -> Judgement:
        """The verdict on images that come in parts.

        Args:
            chunks: uint8 images ``[n, C, H, W]`` and the labels that they were asked to be, None for none.
            seed: Of the images, for the card.
            labels: What the images were asked to be, for the card.
        """
        metrics, count = deepcopy(self.primed), 0
        for images, asked in chunks:
            seen: Seen = self.extractor.look(images, asked)
            count += len(seen)
            for metric in metrics:
                metric.update(fake=seen)
        values = {name: value for metric in metrics for name, value in metric.compute().items()}
        return Judgement(values, self.card(count, seed, labels))

    def judge_method(self, method: BaseMethod, count: int, seed: int = 0) -> Judgement:
        """The verdict on samples of a trained method, with the classes in turn where its networks use labels."""
        heeds = heeds_labels(method)
        return self.judge(Drawn(method, count, seed, heeds).chunks(), seed, "in turn" if heeds else "none")

    def floor(self, count: int) -> Judgement:
        """The verdict on real training images: what a perfect generator would be told."""
        kept = self.data.indices("train")[:count]
        return self.judge(Stored(self.data, kept).chunks(), labels="real")

    def card(self, count: int, seed: int, labels: str) -> Card:
        """The protocol of a judgement of ``count`` images."""
        look = self.extractor
        return Card(
            extractor=look.name, weights=look.digest, features=look.size, data=self.data.fingerprint,
            split=self.split, n_real=len(self.indices), n_generated=count, seed=seed, labels=labels,
        )  # fmt: skip
