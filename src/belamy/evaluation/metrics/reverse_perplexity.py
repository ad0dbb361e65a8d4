"""How well real texts are told by a model that learned from generated ones."""

from __future__ import annotations

from math import log
from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import mean
from belamy.evaluation.kneser_ney import ORDER, KneserNey, symbols_of
from belamy.evaluation.own import whole
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.methods.base import Ratio
from belamy.ranges import Within


class Metric(SidedMetric):
    """Bits of each symbol of real texts, ends included, by n-grams counted on generated texts: ``reverse-bits``.

    Lower is better; 2 to their power is the reverse perplexity. It sees missing words and a lack of variety as well as
    wrong words, and it falls with the number of generated texts, so only equal numbers compare. The n-grams are
    interpolated Kneser-Ney; symbols are those of the data, as in ``belamy score``. The interval is over draws of real
    texts, with the generated ones fixed.

    References:
        Zhao et al. 2018, "Adversarially regularized autoencoders", arXiv 1706.04223, section 5.1, with a network.

    Args:
        order: Symbols of the longest n-grams.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images"})
    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, *, order: int = ORDER) -> None:
        self.order = Within(1, 32).check("reverse-perplexity.order", order)
        self.sides: Sides[Interval] = Sides("images")
        self.vocabulary = 0

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        super().update(real=real, fake=fake)
        for seen in (real, fake):
            if seen is not None and seen.field is not None:
                self.vocabulary = len(seen.field.classes)

    def merge(self, other: Metric) -> None:
        super().merge(other)
        self.vocabulary = max(self.vocabulary, other.vocabulary)

    def compute(self) -> dict[str, float]:
        return {name: told.value for name, told in self.intervals().items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.sides.count("real") or not self.sides.count("fake"):
            return {}
        return {"reverse-bits": self.sides.once(self._measured)}

    def _measured(self) -> Interval:
        model = KneserNey(symbols_of(self.sides.table("fake")), self.vocabulary - 1, self.order)
        real = symbols_of(self.sides.table("real"))
        nats = torch.tensor([-model.log_prob(text) for text in real], dtype=torch.float64)
        units: Tensor = torch.tensor([len(text) for text in real], dtype=torch.float64)
        return mean(whole([Ratio(nats / log(2), units)]))
