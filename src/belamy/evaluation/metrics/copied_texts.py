"""How much of generated texts is copied from those that were learned from."""

from __future__ import annotations

from typing import ClassVar

import torch

from belamy.evaluation.intervals import mean, wilson
from belamy.evaluation.own import whole
from belamy.evaluation.statistics import Interval
from belamy.evaluation.text_metric import TextMetric, Unit, grams
from belamy.methods.base import Ratio
from belamy.ranges import Within


class Metric(TextMetric):
    """Shares of generated texts, ``copied-texts``, and of their n-grams, ``copied-ngrams``, that are in training texts.

    Some n-grams are in any two texts of a language, and some short texts too: more than of real texts that were not
    learned from is copied. Texts are compared token by token. Intervals are over draws of generated texts.

    References:
        McCoy et al. 2023, "How much do language models copy from their training data?", arXiv 2111.09509.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
        n: Tokens of an n-gram.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, *, unit: Unit = "words", lowercase: bool = False, n: int = 4) -> None:
        super().__init__(unit, lowercase)
        self.n = Within(1, 64).check("copied-texts.n", n)

    def measured(self, seed: int) -> dict[str, Interval]:
        """The shares."""
        train, made = self.tokens("train"), self.tokens("fake")
        texts = {tuple(text) for text in train}
        found = {"copied-texts": wilson(sum(tuple(text) in texts for text in made), len(made))}
        known = {gram for text in train for gram in grams(text, self.n)}
        counts = torch.tensor(
            [[sum(gram in known for gram in grams(text, self.n)), max(len(text) - self.n + 1, 0)] for text in made],
            dtype=torch.float64,
        )
        if float(counts[:, 1].sum()):
            share = mean(whole([Ratio(counts[:, 0], counts[:, 1])]))
            found["copied-ngrams"] = Interval(share.value, max(share.low, 0.0), min(share.high, 1.0))
        return found
