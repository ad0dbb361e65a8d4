"""Kneser-Ney: probabilities that sum to 1, and a hand computation."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch

from belamy.errors import DataError, UsageError
from belamy.evaluation.kneser_ney import KneserNey

TEXTS = [[0, 1, 0, 1, 2], [0, 1, 1, 2], [1, 0, 0, 2]]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("discount", [None, 0.0, 0.75, 1.0])
def test_probabilities_sum_to_one_after_every_history(order: int, discount: float | None) -> None:
    model = KneserNey(TEXTS, 4, order, discount)
    for length in range(4):
        for history in product(range(4), repeat=length):
            assert math.fsum(model.probability(symbol, history) for symbol in range(4)) == pytest.approx(1, abs=1e-12)


def test_two_symbols_by_hand() -> None:
    """Texts ab, ab, aa over {a, b}, bigrams, D = 1/2.

    Bigrams: ^a 3, ab 2, aa 1. Continuations: a follows ^ and a, b follows a: 2 and 1 of 3. Unigrams: p(a) = (2 - ½)/3 +
    (½ + ½)/3 · ½ = ⅔, p(b) = ⅓. p(b | a) = (2 - ½)/3 + (½ + ½)/3 · ⅓ = 11/18; p(a | ^) = (3 - ½)/3 + ½/3 · ⅔ = 17/18.
    """
    model = KneserNey([[0, 1], [0, 1], [0, 0]], 2, order=2, discount=0.5)
    assert model.probability(1, [0]) == pytest.approx(11 / 18, abs=1e-15)
    assert model.probability(0, []) == pytest.approx(17 / 18, abs=1e-15)
    assert model.probability(0, [1]) == pytest.approx(2 / 3, abs=1e-15)  # after b nothing was seen: as without history
    assert model.log_prob([0, 1]) == pytest.approx(math.log(17 / 18 * 11 / 18), abs=1e-15)


def test_three_discounts_are_those_of_chen_and_goodman() -> None:
    """n = 4, 3, 2, 1 counts of 1, 2, 3, 4: Y = 4/10; D = 1 - 2Y·3/4, 2 - 3Y·2/3, 3 - 4Y·1/2."""
    counts = [1] * 4 + [2] * 3 + [3] * 2 + [4]
    model = KneserNey([[symbol] for symbol, count in enumerate(counts) for _ in range(count)], len(counts), order=1)
    discounts = (0.4, 1.2, 2.2)
    left = (4 * 0.4 + 3 * 1.2 + 3 * 2.2) / 20
    assert model.probability(0, []) == pytest.approx((1 - discounts[0]) / 20 + left / 10)
    assert model.probability(4, []) == pytest.approx((2 - discounts[1]) / 20 + left / 10)
    assert model.probability(9, []) == pytest.approx((4 - discounts[2]) / 20 + left / 10)


def test_longer_n_grams_know_a_language_better() -> None:
    draw = torch.Generator().manual_seed(0)
    texts = [[int(torch.randint(2, (1,), generator=draw))] for _ in range(60)]
    for text in texts:  # each symbol repeats the one two before it, or else begins anew
        text.append(int(torch.randint(2, (1,), generator=draw)))
        for _ in range(10):
            text.append(text[-2])
    scores = [sum(map(KneserNey(texts[:40], 2, order).log_prob, texts[40:])) for order in (1, 2, 3)]
    assert scores[0] < scores[2] and scores[1] < scores[2] and -scores[2] / 20 < 2.2 * math.log(2)


def test_nothing_is_impossible() -> None:
    texts = [[0, 1, 2, 3]] * 5 + [[3, 2, 1, 0]] * 2 + [[1, 1, 1, 1]] * 2
    for order in (1, 2, 3, 6):
        model = KneserNey(texts, 6, order)
        assert min(model.probability(symbol, history) for symbol in range(6) for history in ([], [0], [5], [1, 1])) > 0


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        KneserNey(TEXTS, 3, 0)
    with pytest.raises(UsageError, match=r"must be in \[0, 1\]"):
        KneserNey(TEXTS, 3, 2, 1.5)
    with pytest.raises(DataError, match="no symbol to count"):
        KneserNey([[], []], 3)
