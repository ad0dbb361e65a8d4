"""Areas under the ROC curve, average precision, thresholds and p-values against closed forms and other libraries."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics
from torch import Tensor

from belamy.evaluation.ranking import (
    auroc,
    auroc_interval,
    average_precision,
    average_precision_interval,
    operating,
    roc_curve,
    threshold,
)
from belamy.forensics.scores import Shuffled, areas, deal, ridge_scores
from belamy.forensics.testing import (
    effect_size,
    holm,
    rank_p,
    sequential_p,
    share_effect,
    share_p,
    twice_the_mean,
)
from belamy.seeds import generator


def normal(count: int, stream: str, number: int = 0, width: int | None = None) -> Tensor:
    shape = (count,) if width is None else (count, width)
    return torch.randn(shape, dtype=torch.float64, generator=generator(number, stream))


@pytest.mark.parametrize("ties", [False, True])
def test_areas_and_precision_are_those_of_scikit_learn(ties: bool) -> None:
    real, suspect = normal(130, "real"), normal(70, "suspect") + 0.7
    if ties:
        real, suspect = (2 * real).round(), (2 * suspect).round()
    labels, scores = np.repeat([0, 1], [130, 70]), torch.cat([real, suspect]).numpy()
    assert auroc(real, suspect) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(real, suspect) == pytest.approx(metrics.average_precision_score(labels, scores), abs=1e-12)
    alarms, hits, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    ours = roc_curve(real, suspect)
    np.testing.assert_allclose(ours[0], alarms, atol=1e-12)
    np.testing.assert_allclose(ours[1], hits, atol=1e-12)


def test_delongs_variance_is_that_of_its_definition() -> None:
    real, suspect = normal(40, "real").round(decimals=1), (normal(30, "suspect") + 1).round(decimals=1)
    table = (real[:, None] < suspect).double() + 0.5 * (real[:, None] == suspect).double()
    value = float(table.mean())
    error = float(table.mean(0).var() / 30 + table.mean(1).var() / 40) ** 0.5
    found = auroc_interval(real, suspect)
    logit = np.log(value / (1 - value)) + np.array([-1, 1]) * 1.959964 * error / (value * (1 - value))
    assert found.value == pytest.approx(value) and found[1:] == pytest.approx(tuple(1 / (1 + np.exp(-logit))), rel=1e-6)


def test_the_interval_of_an_area_covers_the_truth() -> None:
    """Two normal distributions one deviation apart: the area is Φ(1/√2)."""
    truth, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for trial in range(300):
        found = auroc_interval(normal(60, "real", trial), normal(60, "suspect", trial) + 1)
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_perfect_separation_leaves_room() -> None:
    found = auroc_interval(torch.arange(50.0), torch.arange(50.0) + 100)
    assert found.value == 1 and 0.92 < found.low < 0.99 and found.high == 1
    assert auroc_interval(torch.arange(50.0) + 100, torch.arange(50.0)).high == pytest.approx(1 - found.low)
    nearly = auroc_interval(torch.arange(50.0), torch.arange(50.0) + 48.5)
    assert nearly.low <= found.low, "an area below 1 must not be surer than 1"
    precise = average_precision_interval(torch.arange(50.0), torch.arange(50.0) + 100)
    assert precise.value == precise.high == 1 and 0.7 < precise.low < 0.95


def test_average_precision_is_bootstrapped_over_images() -> None:
    real, suspect = normal(300, "real"), normal(300, "suspect") + 1
    found = average_precision_interval(real, suspect)
    drawn = []
    for number in range(300):
        rows = torch.randint(300, (2, 300), generator=generator(number, "anew"))
        drawn.append(average_precision(real[rows[0]], suspect[rows[1]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.012) and found.high == pytest.approx(high, abs=0.012)


def test_a_threshold_keeps_its_rate_on_fresh_images() -> None:
    """Exactly ⌊(n + 1) α⌋ / (n + 1) of fresh scores lie above it on average."""
    above = []
    for trial in range(400):
        limit = threshold(normal(39, "calibration", trial), 0.1)
        above.append(1 - stats.norm.cdf(limit))
    assert np.mean(above) == pytest.approx(4 / 40, abs=0.01)
    assert threshold(torch.arange(5.0), 0.1) == inf
    found = operating(torch.arange(99.0), torch.arange(0, 100.0, 2), torch.arange(90.0, 130), 0.1)
    assert found.threshold == 89 and found.false_alarms.value == 0.1 and found.hits.value == 1
    assert found.accuracy.value == pytest.approx(0.95) and found.accuracy.low < 0.95 < found.accuracy.high <= 1


@pytest.mark.parametrize("ties", [False, True])
def test_p_values_of_ranks_and_shares_are_those_of_scipy(ties: bool) -> None:
    real, suspect = normal(80, "real"), normal(50, "suspect") + 0.3
    if ties:
        real, suspect = real.round(), suspect.round()
    wanted = stats.mannwhitneyu(suspect.numpy(), real.numpy(), alternative="greater", method="asymptotic")
    assert rank_p(real, suspect) == pytest.approx(wanted.pvalue, rel=1e-6)
    fisher = stats.fisher_exact([[9, 41], [3, 77]], alternative="greater")
    assert share_p(9, 50, 3, 80) == pytest.approx(fisher.pvalue, rel=1e-9)


def test_corrections_and_effects_have_their_closed_forms() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.5}) == {"a": 0.08, "b": 0.03, "c": 0.5}
    assert twice_the_mean([0.9, 0.8]) == 1
    assert share_effect(1.0, 0.0) == pytest.approx(np.pi) and share_effect(0.3, 0.3) == 0
    real = torch.tensor([-1.0, 0.0, 1.0])
    assert effect_size(real, real + 2) == pytest.approx(2 * (1 - 3 / 15))
    assert effect_size(torch.zeros(3), torch.ones(3)) == inf and effect_size(torch.zeros(3), torch.zeros(3)) == 0


def test_sequential_p_values_are_uniform_under_chance() -> None:
    found = []
    for trial in range(200):
        values = normal(600, "statistics", trial)
        found.append(
            sequential_p(float(values[0]), lambda at, size, v=values: v[1 + 50 * at : 1 + 50 * at + size], 599, 50)
        )
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.09)
    assert sequential_p(9.0, lambda at, size: torch.zeros(size), 99) == 0.01


def test_areas_of_columns_are_areas() -> None:
    scores, kinds = normal(40, "scores", width=3), normal(40, "kinds", width=3) > 0
    wanted = [auroc(scores[~kinds[:, c], c], scores[kinds[:, c], c]) for c in range(3)]
    torch.testing.assert_close(areas(scores, kinds), torch.tensor(wanted, dtype=torch.float64))


def test_cross_fitted_scores_never_see_their_image() -> None:
    """With noise for numbers, more of them than images, a fit is perfect and a cross-fit is chance."""
    real, suspect = normal(60, "real", width=200), normal(60, "suspect", width=200)
    scores = ridge_scores(real, suspect, normal(30, "fresh", width=200), Shuffled(deal(60, 60, 30, 0), 0, 99))
    assert scores is not None and abs(auroc(scores.real, scores.suspect) - 0.5) < 0.15 and scores.p > 0.02
    assert len(scores.fresh) == 30


def test_cross_fitted_p_values_are_honest_and_find_what_is_there() -> None:
    """Uniform where both sides are alike, though folds share images; small for a shift or a spread."""
    found = []
    for trial in range(120):
        real, suspect = normal(30, "real", trial, 6), normal(30, "suspect", trial, 6)
        scores = ridge_scores(real, suspect, real[:0], Shuffled(deal(30, 30, 0, trial), trial, 199))
        assert scores is not None
        found.append(scores.p)
    assert np.mean(np.array(found) <= 0.1) <= 0.19 and np.mean(np.array(found) <= 0.5) == pytest.approx(0.5, abs=0.15)
    for shift, spread in ((1.0, 1.0), (0.0, 2.0)):
        suspect = normal(60, "suspect", 0, 6) * spread + shift
        scores = ridge_scores(normal(60, "real", 0, 6), suspect, suspect[:0], Shuffled(deal(60, 60, 0, 0), 0, 199))
        assert scores is not None and scores.p == 1 / 200 and auroc(scores.real, scores.suspect) > 0.85


def test_ties_favour_no_kind() -> None:
    """Numbers that are the same for every second image of both kinds."""
    numbers = (torch.arange(80) % 2).double()[:, None]
    scores = ridge_scores(numbers, numbers, numbers[:0], Shuffled(deal(80, 80, 0, 0), 0, 199))
    assert scores is not None and scores.p > 0.05
    assert ridge_scores(torch.ones(9, 2), torch.ones(9, 2), torch.ones(0, 2), Shuffled(deal(9, 9, 0, 0), 0)) is None
