"""Whether generated texts are made of what real texts are made of."""

from __future__ import annotations

from belamy.evaluation.bleu import ORDERS, References
from belamy.evaluation.intervals import mean
from belamy.evaluation.statistics import Interval
from belamy.evaluation.text_metric import TextMetric, Unit


class Metric(TextMetric):
    """BLEU of generated texts, each with all real texts as its references, on average: ``bleu-2`` to ``bleu-5``.

    It is higher for texts that are short, frequent and alike, so a model that always writes one real text has 1: read
    it beside ``self-bleu``, and beside that of real texts. It grows with the number of references.

    N-grams that are in no reference count as 0.1 of one (method 1 of Chen & Cherry 2014). The interval is over draws of
    generated texts, with the references fixed.

    References:
        Papineni et al. 2002, ACL; for generated texts with all real ones as references: Yu et al. 2017, SeqGAN, arXiv
        1609.05473; what it misses: Caccia et al. 2020, "Language GANs falling short", arXiv 1811.02549.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
    """

    def __init__(self, *, unit: Unit = "words", lowercase: bool = False) -> None:
        super().__init__(unit, lowercase)

    def measured(self, seed: int) -> dict[str, Interval]:
        """The mean over generated texts."""
        references = References(self.tokens("real"))
        found = zip(*map(references.bleu, self.tokens("fake")), strict=True)
        return {f"bleu-{size}": mean(values) for size, values in zip(ORDERS, found, strict=True)}
