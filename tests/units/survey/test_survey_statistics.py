"""Intervals, strengths, curves and power against closed forms and against simulation."""

from __future__ import annotations

from math import comb, log, sqrt
from statistics import NormalDist

import pytest
import torch

from belamy.errors import UsageError
from belamy.evaluation.intervals import clopper_pearson
from belamy.seeds import generator
from belamy.survey.binomial import p_value, power, tail
from belamy.survey.clusters import mean_over, share_over_participants
from belamy.survey.power import approximate, least_trials, need
from belamy.survey.psychometric import GUESS, LAPSE, fit
from belamy.survey.strengths import bradley_terry


def test_binomial_numbers_are_exact() -> None:
    for least in range(-1, 14):
        exact = sum(comb(12, k) * 0.3**k * 0.7 ** (12 - k) for k in range(max(least, 0), 13))
        assert tail(least, 12, 0.3) == pytest.approx(exact, rel=1e-12)
    assert tail(3, 3, 1.0) == 1 and tail(4, 3, 1.0) == 0
    assert p_value(5, 10) == pytest.approx(1, abs=1e-12) and p_value(10, 10) == pytest.approx(2 / 1024)
    # with no failure the lower end solves p^n = 0.025
    assert clopper_pearson(10, 10).low == pytest.approx(0.025**0.1) and clopper_pearson(10, 10).high == 1
    for right in (0, 3, 17, 40):
        found = clopper_pearson(right, 40)
        if right:
            assert tail(right, 40, found.low) == pytest.approx(0.025)
        if right < 40:
            assert 1 - tail(right + 1, 40, found.high) == pytest.approx(0.025)


def test_power_is_the_share_of_samples_that_the_test_rejects() -> None:
    for trials, chance in ((30, 0.7), (61, 0.35), (8, 0.9)):
        brute = sum(
            comb(trials, k) * chance**k * (1 - chance) ** (trials - k)
            for k in range(trials + 1)
            if p_value(k, trials) <= 0.05
        )
        assert power(trials, chance) == pytest.approx(brute, rel=1e-9)
    assert power(200, 0.5) <= 0.05


@pytest.mark.parametrize(("chance", "wanted"), [(0.6, 0.8), (0.55, 0.9), (0.75, 0.95)])
def test_the_exact_number_of_trials_is_near_the_closed_form(chance: float, wanted: float) -> None:
    level, strength = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(wanted)
    closed = (level * 0.5 + strength * sqrt(chance * (1 - chance))) ** 2 / (chance - 0.5) ** 2
    assert approximate(chance, wanted) == -int(-closed // 1)
    exact = least_trials(chance, wanted)
    assert abs(exact - closed) <= 0.06 * closed + 6
    assert all(power(trials, chance) >= wanted for trials in range(exact, exact + 60))
    assert power(exact - 1, chance) < wanted


def test_needs_of_surveys() -> None:
    alone = need("choose", 0.8, 0.1, trials=50, agreement=0.0)
    assert alone.answers == least_trials(0.6, 0.8) and alone.participants == -(-alone.answers // 50)
    together = need("choose", 0.8, 0.1, trials=50, agreement=0.05)
    assert (
        together.inflation == pytest.approx(1 + 49 * 0.05) and together.participants == 15 and alone.participants == 5
    )
    assert together.reached >= 0.79
    scores = need("mos", 0.8, 0.5, trials=20, agreement=0.0, deviation=1.0)
    z = NormalDist().inv_cdf
    assert scores.answers == -int(-2 * (z(0.975) + z(0.8)) ** 2 / 0.25 // 1)
    for wrong in ({"wanted": 1.0}, {"effect": 0.6}, {"agreement": 2.0}, {"trials": 0}, {"kind": "rate"}):
        with pytest.raises(UsageError):
            need(**{"kind": "choose", "wanted": 0.8, "effect": 0.1, "trials": 20, **wrong})  # type: ignore[arg-type]


def test_two_sources_have_the_log_odds_of_their_wins() -> None:
    """θ₁ - θ₂ = log(w/l), with the variance 1/w + 1/l."""
    found = bradley_terry([(0, 0, 1)] * 30 + [(1, 1, 0)] * 12, 2)
    assert float(found.values[0] - found.values[1]) == pytest.approx(log(30 / 12), abs=1e-10)
    contrast = torch.tensor([1.0, -1.0], dtype=torch.float64)
    assert float(contrast @ found.covariance @ contrast) == pytest.approx(1 / 30 + 1 / 12, rel=1e-9)
    assert not found.helped and float(found.values.sum()) == pytest.approx(0, abs=1e-12)


def test_strengths_solve_the_score_equations() -> None:
    """Expected wins are the wins that were seen: an independent statement of the maximum."""
    wins = [[0, 8, 5, 9], [4, 0, 7, 6], [6, 3, 0, 10], [2, 5, 3, 0]]
    choices = [(0, i, j) for i in range(4) for j in range(4) for _ in range(wins[i][j])]
    theta = bradley_terry(choices, 4).values
    for i in range(4):
        expected = sum((wins[i][j] + wins[j][i]) / (1 + float((theta[j] - theta[i]).exp())) for j in range(4) if j != i)
        assert expected == pytest.approx(sum(wins[i]), abs=1e-9)


def test_a_source_that_won_everything_has_a_finite_strength_and_it_is_said() -> None:
    found = bradley_terry([(0, 0, 1)] * 5 + [(0, 1, 2), (0, 2, 1)], 3)
    assert found.helped and bool(found.values.isfinite().all()) and found.values.argmax() == 0
    whole = bradley_terry([(0, 0, 1), (0, 1, 2), (0, 2, 0)], 3)
    assert not whole.helped and torch.allclose(whole.values, torch.zeros(3, dtype=torch.float64), atol=1e-10)


def test_known_strengths_are_found_and_their_intervals_hold_them() -> None:
    """60 surveys of 20 people with 15 choices each: intervals hold the truth in 90 to 98.5 of 100 cases."""
    truth = torch.tensor([0.8, 0.1, -0.3, -0.6], dtype=torch.float64)
    truth -= truth.mean()
    source, held, total = generator(0, "test-strengths"), 0, 0
    errors = []
    for _ in range(60):
        left = torch.randint(4, (300,), generator=source)
        right = (left + torch.randint(1, 4, (300,), generator=source)) % 4
        wins = torch.rand(300, generator=source, dtype=torch.float64) < (truth[left] - truth[right]).sigmoid()
        choices = [
            (n // 15, *((one, other) if won else (other, one)))
            for n, (one, other, won) in enumerate(zip(left.tolist(), right.tolist(), wins.tolist(), strict=True))
        ]
        found = bradley_terry(choices, 4)
        errors.append(found.values - truth)
        for participants in (False, True):
            for interval, value in zip(found.intervals(participants), truth.tolist(), strict=True):
                held, total = held + (interval.low <= value <= interval.high), total + 1
    assert float(torch.stack(errors).mean(0).abs().max()) < 0.05
    assert 0.90 <= held / total <= 0.985


def test_intervals_over_participants_hold_a_share_that_differs_between_people() -> None:
    """12 people with 30 trials, each with their own share: intervals over trials miss, those over people hold."""
    from belamy.evaluation.intervals import wilson

    source, repeats, naive, held = generator(0, "test-people"), 200, 0, 0
    for _ in range(repeats):
        own = (torch.randn(12, generator=source, dtype=torch.float64) * 0.15 + 0.4).clamp(0.01, 0.99)
        right = (torch.rand(12, 30, generator=source, dtype=torch.float64) < own[:, None]).sum(1).tolist()
        interval = share_over_participants(right, [30] * 12)
        held += interval.low <= 0.4 <= interval.high
        plain = wilson(sum(right), 360)
        naive += plain.low <= 0.4 <= plain.high
    assert 0.90 <= held / repeats <= 0.985
    assert naive / repeats < 0.85


def test_scores_with_crossed_people_and_items() -> None:
    """10 people score 10 items that differ much: the interval over people alone is too short."""
    source, repeats, held = generator(0, "test-crossed"), 200, [0, 0, 0]
    people, items = [k // 10 for k in range(100)], [k % 10 for k in range(100)]
    for _ in range(repeats):
        effects = torch.randn(10, 1, generator=source) * 0.3 + torch.randn(1, 10, generator=source) * 0.7
        values = (3 + effects + torch.randn(10, 10, generator=source) * 0.5).flatten().tolist()
        found = (mean_over(values, people), mean_over(values, items), mean_over(values, people, items))
        held = [count + (each.low <= 3 <= each.high) for count, each in zip(held, found, strict=True)]
    assert 0.90 <= held[2] / repeats <= 0.985
    assert held[0] / repeats < 0.8 and held[1] <= held[2]


def test_a_mean_over_single_answers_is_students() -> None:
    from belamy.evaluation.intervals import mean

    values = [1.0, 4.0, 2.0, 5.0, 3.0, 3.0]
    ours, students = mean_over(values, range(6)), mean(values)
    assert ours == pytest.approx(students)
    assert mean_over([2.0, 3.0], [0, 0]).low == float("-inf")


def test_a_curve_finds_the_exposure_it_was_made_with() -> None:
    exposures = [50, 100, 200, 400, 800]
    alpha, beta = 180.0, 2.0
    share = [GUESS + (1 - GUESS - LAPSE) / (1 + (alpha / t) ** beta) for t in exposures]
    trials = torch.full((20, 5), 100.0, dtype=torch.float64)
    found = fit(torch.tensor(share, dtype=torch.float64) * trials, trials, exposures)
    assert found is not None and found.within
    assert found.threshold.value == pytest.approx(alpha, rel=0.05) and found.slope == pytest.approx(beta, rel=0.15)
    assert [found.share(t) for t in exposures] == pytest.approx(share, abs=0.01)


def test_without_exposures_or_knowledge_there_is_no_curve() -> None:
    trials = torch.full((4, 3), 10.0, dtype=torch.float64)
    assert fit(trials[:, :2] * 0.9, trials[:, :2], [100, 200]) is None
    assert fit(trials * 0.45, trials, [100, 200, 400]) is None
