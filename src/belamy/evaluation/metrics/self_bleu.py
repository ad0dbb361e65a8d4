"""Whether generated texts repeat each other."""

from __future__ import annotations

import torch

from belamy.evaluation.bleu import ORDERS, References
from belamy.evaluation.intervals import mean
from belamy.evaluation.statistics import Interval
from belamy.evaluation.text_metric import TextMetric, Unit
from belamy.ranges import Within
from belamy.seeds import generator


class Metric(TextMetric):
    """BLEU of generated texts against the others of a group, on average: ``self-bleu-2`` to ``self-bleu-5``.

    It is 1 where all texts are the same, and lower for varied ones; below that of real texts is no virtue. It grows
    with the number of texts, so texts are parted into groups of a fixed size; what is left over is not looked at. The
    interval is over groups.

    References:
        Zhu et al. 2018, "Texygen", arXiv 1802.01886, which compares as many texts as there are.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
        size: Texts of a group.
    """

    def __init__(self, *, unit: Unit = "words", lowercase: bool = False, size: int = 200) -> None:
        super().__init__(unit, lowercase)
        self.size = Within(2, 100_000).check("self-bleu.size", size)

    @property
    def notes(self) -> list[str]:
        count = len(self._kept["fake"])
        if not 0 < count < self.size:
            return []
        return [f"Self-BLEU is of {count:,} texts, where groups of {self.size:,} are compared: it is lower for fewer."]

    def measured(self, seed: int) -> dict[str, Interval]:
        """The mean over groups."""
        texts = self.tokens("fake")
        order = torch.randperm(len(texts), generator=generator(0, "self-bleu")).tolist()
        groups = [order[start : start + self.size] for start in range(0, len(order), self.size)]
        whole = [group for group in groups if len(group) == self.size] or groups
        of_groups = [_means(References([texts[place] for place in group])) for group in whole]
        return {
            f"self-bleu-{size}": mean(each) for size, each in zip(ORDERS, zip(*of_groups, strict=True), strict=True)
        }


def _means(group: References) -> list[float]:
    values = torch.tensor(group.among_themselves(), dtype=torch.float64)
    found: list[float] = values.mean(0).tolist()
    return found
