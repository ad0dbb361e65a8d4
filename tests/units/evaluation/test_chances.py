"""Statistics of trials: closed forms, and intervals that cover."""

from __future__ import annotations

from itertools import combinations
from math import exp, inf, isinf

import pytest
import torch

from belamy.evaluation.statistics import (
    best_of,
    concordance,
    mean_and_deviation,
    quantile,
    rank_shares,
)
from belamy.evaluation.two_samples import probability_better


def test_quantiles_with_failures() -> None:
    values = [3.0, 1.0, inf, 2.0, inf]
    assert [quantile(values, share) for share in (0, 0.25, 0.5, 0.75, 1)] == [1, 2, 3, inf, inf]
    assert isinf(quantile([1.0, inf], 0.5))


class TestProbabilityBetter:
    def test_counts_pairs_and_half_of_ties(self) -> None:
        assert probability_better([1, 3], [2, 3]).value == pytest.approx((1 + 1 + 0 + 0.5) / 4)

    def test_of_a_thing_with_itself_is_one_half_within_a_symmetric_interval(self) -> None:
        value, low, high = probability_better([1, 2, 3, 4], [1, 2, 3, 4])
        assert value == 0.5 and low == pytest.approx(1 - high) and 0 < low < 0.5

    def test_swapped_sides_are_complements(self) -> None:
        a, b = torch.randn(7).tolist(), torch.randn(5).tolist()
        one, other = probability_better(a, b), probability_better(b, a)
        assert one.value == pytest.approx(1 - other.value)
        assert (one.low, one.high) == (pytest.approx(1 - other.high), pytest.approx(1 - other.low))

    def test_complete_separation_of_few_is_not_certainty(self) -> None:
        value, low, high = probability_better([1, 2, 3], [4, 5, 6])
        assert (value, high) == (1, 1) and 0.4 < low < 0.6
        assert probability_better([1] * 30, [2] * 30).low > 0.9

    def test_failures_lose_against_everything_and_tie_with_each_other(self) -> None:
        assert probability_better([inf, 1.0], [5.0, inf]).value == pytest.approx((0 + 0.5 + 1 + 1) / 4)

    @pytest.mark.parametrize(("count", "rate"), [(5, 1.0), (10, 3.0), (20, 0.5)])
    def test_the_interval_covers_the_truth_of_exponentials(self, count: int, rate: float) -> None:
        """P(X < Y) of exponentials with rates r and 1 is r / (r + 1)."""
        truth, covered, repeats = rate / (rate + 1), 0, 400
        for _ in range(repeats):
            a = (torch.empty(count).exponential_() / rate).tolist()
            _, low, high = probability_better(a, torch.empty(count).exponential_().tolist())
            covered += low <= truth <= high
        assert 0.90 <= covered / repeats <= 0.995


class TestBestOf:
    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_is_the_mean_over_all_choices(self, count: int) -> None:
        values = torch.rand(count).tolist()
        for k in range(1, count + 1):
            lowest = [min(chosen) for chosen in combinations(values, k)]
            assert best_of(values)[k - 1] == pytest.approx(sum(lowest) / len(lowest))

    def test_is_infinite_while_all_may_have_failed(self) -> None:
        assert best_of([2.0, inf, 1.0, inf]) == [inf, inf, pytest.approx(1.25), 1.0]


class TestOrder:
    def test_concordance_of_agreement_and_contradiction(self) -> None:
        assert concordance([[1, 2, 3], [10, 20, 30], [0, 1, 9]]) == 1
        assert concordance([[1, 2, 3], [3, 2, 1]]) == 0
        assert concordance([[1, 2, 3]]) is None and concordance([[1, 1], [2, 2]]) is None

    def test_concordance_with_ties(self) -> None:
        """By hand: the ranks sum to 4.5, 4.5 and 9 about 6, so S = 13.5; the one tie of two takes 3·6 away."""
        assert concordance([[1, 2, 3], [2, 1, 3], [1, 1, 2]]) == pytest.approx(12 * 13.5 / (9 * 24 - 3 * 6))
        assert concordance([[1, 1, 2], [5, 5, 7], [2, 2, 3]]) == pytest.approx(1.0)

    def test_places_of_the_surely_and_the_unsurely_ordered(self) -> None:
        sure = rank_shares({"a": {0: [1.0], 1: [2.0]}, "b": {0: [3.0], 1: [4.0]}})
        assert sure == {"a": [1, 0], "b": [0, 1]}
        tie = rank_shares({"a": {0: [1.0]}, "b": {0: [1.0]}})
        assert tie == {"a": [0.5, 0.5], "b": [0.5, 0.5]}

    def test_places_by_the_bootstrap_have_their_probabilities(self) -> None:
        """Of seeds (a 0, b 1) and (a 3, b 1), the draw of both seeds twice: a is first in 1 of 4 and tied never."""
        shares = rank_shares({"a": {0: [0.0], 1: [3.0]}, "b": {0: [1.0], 1: [1.0]}}, repeats=4000)
        assert shares["a"][0] == pytest.approx(0.25, abs=0.03)
        assert rank_shares({"a": {0: [0.0]}}) == {"a": [1.0]}


def test_mean_and_deviation_leave_failures_out() -> None:
    assert mean_and_deviation([1.0, 3.0, inf]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_deviation([inf]) is None and mean_and_deviation([exp(1)]) == (exp(1), 0.0)
