"""Whether generated sentences are of the grammar that the data were drawn from, and how much of it they are."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from typing import ClassVar

import torch
from torch import Tensor

from belamy.data.grammar import FACT, grammar_of
from belamy.evaluation.intervals import mean, student_quantile, wilson
from belamy.evaluation.metrics.ngram_divergence import divergence
from belamy.evaluation.statistics import Interval
from belamy.evaluation.text_metric import TextMetric
from belamy.seeds import generator

GROUPS = 20


class Metric(TextMetric):
    """Of sentences whose grammar is known, four numbers that are exact but for the draw of the sentences.

    - ``grammatical``: the share of generated sentences that have a derivation (CYK).
    - ``sentence-bits``: bits of a grammatical one under the grammar, on average. Real sentences have the entropy of the
      grammar; fewer bits are sentences that are too likely, and more are too rare ones.
    - ``derivations-covered``: the probability that the grammar draws a sentence that was generated. It grows with the
      number of sentences, so it is compared with that of as many real ones.
    - ``rule-divergence``: the Jensen-Shannon divergence, in bits, of how often grammatical ones use each rule and how
      often the grammar does, expected exactly.

    Words are parted by single spaces. Intervals are over draws of generated sentences: Wilson's, Student's, and of the
    last two a jackknife over 20 groups.

    References:
        Inside probabilities: Baker 1979; the grammatical share as a measure: Kusner & Hernández-Lobato 2016, "GANs for
        sequences of discrete elements with the Gumbel-softmax distribution", arXiv 1611.04051, section 4.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"grammar"})

    def __init__(self) -> None:
        super().__init__("words", lowercase=False)

    def measured(self, seed: int) -> dict[str, Interval]:
        """All four, or what can be told where no sentence is grammatical."""
        assert self.field is not None
        grammar, sentences = grammar_of(self.field.facts[FACT]), self.texts("fake")
        each = {sentence: place for place, sentence in enumerate(dict.fromkeys(sentences))}
        kinds = torch.tensor([each[sentence] for sentence in sentences])
        nats = -grammar.log_prob(list(each))
        right = nats[kinds].isfinite()
        found = {"grammatical": wilson(int(right.sum()), len(right))}
        if not bool(right.any()):
            return {**found, "derivations-covered": Interval(0.0, 0.0, 1.0)}
        found["sentence-bits"] = mean(nats[kinds[right]] / log(2))
        order = torch.randperm(len(kinds), generator=generator(seed, "grammar-groups"))
        groups = [part for part in order.chunk(GROUPS) if len(part)]
        uses = torch.stack(
            [grammar.uses_in([sentences[place] for place in part[right[part]].tolist()]) for part in groups]
        )

        def covered(kept: list[int]) -> float:
            drawn = kinds[torch.cat([groups[number] for number in kept])].unique()
            return float((-nats[drawn]).exp().sum())

        def diverging(kept: list[int]) -> float:
            used: Tensor = uses[kept].sum(0)
            return divergence(used, grammar.uses) if float(used.sum()) else 1.0

        found["derivations-covered"] = _jackknife(covered, len(groups))
        found["rule-divergence"] = _jackknife(diverging, len(groups))
        return found


def _jackknife(statistic: Callable[[list[int]], float], groups: int) -> Interval:
    r"""A number in 0 to 1 of all groups, with the interval that follows from leaving each out.

    .. math:: \hat\theta \pm t_{G-1} \sqrt{\frac{G-1}{G} \sum_g (\theta_{-g} - \bar\theta)^2}
    """
    value = statistic(list(range(groups)))
    if groups < 2:
        return Interval(value, -float("inf"), float("inf"))
    without = torch.tensor(
        [statistic([number for number in range(groups) if number != left]) for left in range(groups)],
        dtype=torch.float64,
    )
    error = sqrt((groups - 1) * float(without.var(unbiased=False)))
    reach = student_quantile(groups - 1) * error
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach))
