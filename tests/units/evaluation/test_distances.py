"""Distances between sets of features: independent references, closed forms, known answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.evaluation import gaussians, intervals
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.gaussians import distance, factor
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.evaluation.metrics.frechet_infinity import Metric as FrechetInfinity
from belamy.evaluation.metrics.frechet_infinity import intercept
from belamy.evaluation.metrics.inception_score import Metric as InceptionScore
from belamy.evaluation.metrics.inception_score import divergences, score
from belamy.evaluation.metrics.kernel import Metric as Kernel
from belamy.evaluation.moments import Moments
from belamy.evaluation.rows import Rows, placed


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def moments(rows: Tensor) -> Moments:
    made = Moments()
    made.update(rows)
    return made


def told(metric: Any, real: Tensor, fake: Tensor) -> Any:
    metric.update(real=ExtractedFeatures(real), fake=ExtractedFeatures(fake))
    return metric


def of_classes(probabilities: Tensor, **options: Any) -> InceptionScore:
    metric = InceptionScore(**options)
    metric.update(fake=ExtractedFeatures(torch.zeros(len(probabilities), 1), probabilities))
    return metric


def correlated(count: int, size: int, rank: int | None = None) -> Tensor:
    """Rows of a covariance whose spectrum decays, or of one of less than full rank."""
    mix = randn(rank or size, size) * torch.arange(1, (rank or size) + 1).double().pow(-0.5)[:, None]
    return randn(count, rank or size) @ mix + randn(size)


# Independent references


def by_square_root(a: Tensor, b: Tensor) -> float:
    x, y = a.numpy(), b.numpy()
    s, t = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(s @ t).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root))


def by_nuclear_norm(a: Tensor, b: Tensor) -> float:
    x, y = (rows.numpy() - rows.numpy().mean(0) for rows in (a, b))
    x, y = x / sqrt(len(x) - 1), y / sqrt(len(y) - 1)
    cross = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + (x**2).sum() + (y**2).sum() - 2 * cross)


def by_all_pairs(a: Tensor, b: Tensor, degree: int = 3) -> float:
    def mean(x: np.ndarray, y: np.ndarray, within: bool) -> float:
        kept = [(i, j) for i in range(len(x)) for j in range(len(y)) if not (within and i == j)]
        return float(np.mean([(x[i] @ y[j] / x.shape[1] + 1) ** degree for i, j in kept]))

    x, y = a.numpy(), b.numpy()
    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


class TestReferences:
    @pytest.mark.parametrize(("count", "other", "size"), [(400, 300, 12), (60, 500, 24), (2000, 2000, 3)])
    def test_frechet_is_that_of_the_matrix_square_root(self, count: int, other: int, size: int) -> None:
        a, b = correlated(count, size), correlated(other, size)
        assert distance(moments(a), moments(b)) == pytest.approx(by_square_root(a, b), rel=1e-8)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (lambda: correlated(20, 64), lambda: correlated(30, 64)),
            (lambda: correlated(20, 64), lambda: correlated(300, 64)),
            (lambda: correlated(300, 64), lambda: correlated(63, 64)),
            (lambda: correlated(300, 64, 10), lambda: correlated(200, 64)),
            (lambda: correlated(300, 64), lambda: correlated(200, 64, 40)),
            (lambda: correlated(300, 64, 20), lambda: correlated(200, 64, 40)),
            (lambda: correlated(10, 64).repeat(30, 1), lambda: correlated(200, 64, 40)),
            (lambda: correlated(300, 64).relu() - 9, lambda: (correlated(300, 64) - 9).relu()),
        ],
        ids=["few-few", "few-many", "many-few", "rank-10", "rank-40", "both", "copies", "dead"],
    )
    def test_singular_covariances(self, a: Callable[[], Tensor], b: Callable[[], Tensor]) -> None:
        x, y = a(), b()
        expected = by_nuclear_norm(x, y)
        assert distance(moments(x), moments(y)) == pytest.approx(expected, rel=1e-8)
        assert distance(moments(y), moments(x)) == pytest.approx(expected, rel=1e-8)
        assert distance(moments(x), moments(x)) == 0 and distance(moments(y), moments(y)) == 0

    def test_many_columns_go_by_eigenvalues(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gaussians, "_SMALL", 10)
        a, b = correlated(500, 64), correlated(400, 64)
        assert distance(moments(a), moments(b)) == pytest.approx(by_nuclear_norm(a, b), rel=1e-8)
        assert distance(moments(a), moments(a)) == pytest.approx(0, abs=1e-7 * float(moments(a).variance))

    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_kernel_is_that_of_all_pairs(self, degree: int) -> None:
        a, b = randn(23, 5), randn(17, 5) + 0.5
        found = told(Kernel(degree=degree), a, b).compute()
        assert found == {"kernel": pytest.approx(by_all_pairs(a, b, degree), rel=1e-8)}

    def test_kernel_over_more_than_one_block(self) -> None:
        a, b = randn(2100, 4), randn(300, 4) + 0.1
        k = ((torch.cat([a, b]) @ torch.cat([a, b]).T) / 4 + 1) ** 3
        n, m = len(a), len(b)
        xx, yy, xy = k[:n, :n], k[n:, n:], k[:n, n:]
        expected = (xx.sum() - xx.trace()) / (n * (n - 1)) + (yy.sum() - yy.trace()) / (m * (m - 1)) - 2 * xy.mean()
        found = told(Kernel(subsets=3, size=200), a, b).compute()
        assert found["kernel"] == pytest.approx(float(expected), rel=1e-8)

    def test_a_subset_of_all_is_the_whole(self) -> None:
        a, b = randn(40, 5), randn(40, 5) + 0.5
        found = told(Kernel(subsets=3, size=40), a, b).compute()
        assert found["kernel-subset-mean"] == pytest.approx(found["kernel"], rel=1e-12)
        assert found["kernel-subset-sd"] == pytest.approx(0, abs=1e-12)

    def test_inception_score(self) -> None:
        p = (randn(200, 7) * 4).softmax(1)
        expected = exp(np.mean([stats.entropy(row, p.numpy().mean(0)) for row in p.numpy()]))
        assert of_classes(p, splits=1).compute() == {"inception-score": pytest.approx(expected, rel=1e-8)}


# What torchmetrics gives, where it is right, and where it is not


class Flat(nn.Module):
    """Images that are their own features."""

    num_features = 8

    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        return flat if flat.shape[1] == 8 else flat.new_zeros(len(flat), 8).double()


def pictures(rows: Tensor) -> Tensor:
    return rows[:, :, None, None]


@pytest.fixture
def torchmetrics_image() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Metric `.*` will save all", UserWarning)
        import torchmetrics.image.fid
        import torchmetrics.image.inception
        import torchmetrics.image.kid

        yield torchmetrics.image


class TestTorchmetrics:
    def test_frechet_agrees(self, torchmetrics_image: Any) -> None:
        a, b = correlated(90, 8), correlated(70, 8)
        other = torchmetrics_image.fid.FrechetInceptionDistance(feature=Flat()).set_dtype(torch.float64)
        other.update(pictures(a), real=True)
        other.update(pictures(b), real=False)
        assert distance(moments(a), moments(b)) == pytest.approx(float(other.compute()), rel=1e-5)

    def test_kernel_agrees(self, torchmetrics_image: Any) -> None:
        a, b = randn(50, 8), randn(50, 8) + 0.4
        other = torchmetrics_image.kid.KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=50)
        other.update(pictures(a), real=True)
        other.update(pictures(b), real=False)
        assert told(Kernel(), a, b).compute()["kernel"] == pytest.approx(float(other.compute()[0]), rel=1e-5)

    def test_inception_score_agrees(self, torchmetrics_image: Any) -> None:
        logits = randn(90, 8) * 2
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"std\(\): degrees of freedom", UserWarning)
            other = torchmetrics_image.inception.InceptionScore(feature=Flat(), splits=1)
            other.update(pictures(logits))
            value, deviation = other.compute()
        metric = of_classes(logits.softmax(1), splits=1)
        assert metric.compute()["inception-score"] == pytest.approx(float(value), rel=1e-5)
        # Its deviation over one split is NaN; ours is left out, and there is an interval.
        assert deviation.isnan() and set(metric.compute()) == {"inception-score"}
        assert metric.intervals()["inception-score"].low < value < metric.intervals()["inception-score"].high

    def test_a_class_that_nothing_is_like_does_no_harm(self, torchmetrics_image: Any) -> None:
        logits = randn(60, 8)
        logits[:, 3] = -1e4  # its probability is 0 in any precision
        other = torchmetrics_image.inception.InceptionScore(feature=Flat(), splits=2)
        other.update(pictures(logits))
        assert other.compute()[0].isnan()
        without = score(logits[:, [0, 1, 2, 4, 5, 6, 7]].softmax(1))
        assert of_classes(logits.softmax(1), splits=1).compute()["inception-score"] == pytest.approx(without, rel=1e-12)

    def test_the_global_generator_has_no_say(self, torchmetrics_image: Any) -> None:
        a, b = randn(50, 8), randn(50, 8) + 0.4
        theirs, ours = [], []
        for seed in (1, 2):
            torch.manual_seed(seed)
            other = torchmetrics_image.kid.KernelInceptionDistance(feature=Flat(), subsets=3, subset_size=20)
            other.update(pictures(a), real=True)
            other.update(pictures(b), real=False)
            theirs.append(float(other.compute()[0]))
            ours.append(told(Kernel(subsets=3, size=20), a, b).compute())
        assert theirs[0] != theirs[1] and ours[0] == ours[1]
        assert told(Kernel(subsets=3, size=20, seed=1), a, b).compute() != ours[0]


# Closed forms


class TestClosedForms:
    def test_a_generator_of_one_image(self) -> None:
        real, one = randn(100, 7), torch.full((60, 7), 2.0, dtype=torch.float64)
        expected = (real.mean(0) - 2).square().sum() + torch.cov(real.T).trace()
        assert distance(moments(real), moments(one)) == pytest.approx(float(expected), rel=1e-12)

    def test_gaussians_of_one_dimension(self) -> None:
        """N(0, 1) and N(1, 4): 1 + 1 + 4 - 2·2 = 2."""
        x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)[:, None]
        assert distance(moments(x), moments(2 * x + 1)) == pytest.approx(2, rel=1e-12)

    def test_the_distance_does_not_depend_on_direction_or_side(self) -> None:
        a, b, turn = correlated(90, 6), correlated(70, 6), torch.linalg.qr(randn(6, 6))[0]
        there = distance(moments(a), moments(b))
        assert distance(moments(b), moments(a)) == pytest.approx(there, rel=1e-10)
        assert distance(moments(a @ turn), moments(b @ turn)) == pytest.approx(there, rel=1e-10)
        assert distance(moments(3 * a), moments(3 * b)) == pytest.approx(9 * there, rel=1e-10)

    def test_the_linear_kernel_is_the_distance_of_means(self) -> None:
        """Of N(0, I) and N(δ, I) it is |δ|²/d; the estimator takes the traces over n from that of the samples."""
        a, b = randn(60, 4), randn(50, 4) + 1
        means = (a.mean(0) - b.mean(0)).square().sum()
        traces = torch.cov(a.T).trace() / 60 + torch.cov(b.T).trace() / 50
        found = told(Kernel(degree=1), a, b).compute()["kernel"]
        assert found == pytest.approx(float(means - traces) / 4, rel=1e-9)

    def test_the_quadratic_kernel_of_two_gaussians(self) -> None:
        """Of N(0, I) and N(0, s²I) it is (1 - s²)²/d."""
        metric = told(Kernel(degree=2, subsets=0), randn(2500, 8), 1.5 * randn(2500, 8))
        value, low, high = metric.intervals()["kernel"]
        assert low < 1.25**2 / 8 < high and high - low < 0.3 * value

    @pytest.mark.parametrize("size", [4, 80])
    def test_a_distance_of_0_is_not_said_to_be_too_large(self, size: int) -> None:
        x = randn(60, size)
        assert told(Frechet(), x, x).compute() == {"frechet": 0.0} and told(Frechet(), x, x).notes == []
        assert any("too large by about" in note for note in told(Frechet(), x, randn(60, size)).notes)

    @pytest.mark.parametrize(("count", "quantile"), [(50, 2.571), (999, 1.984), (1000, 1.96)])
    def test_the_interval_is_wider_where_images_are_few(self, count: int, quantile: float) -> None:
        metric = told(Kernel(subsets=0), randn(count, 4), randn(count, 4))
        _, low, high = metric.intervals()["kernel"]
        assert (high - low) / 2 == pytest.approx(quantile * metric._measured().variance ** 0.5, rel=1e-3)
        assert any("fewer than 1,000" in note for note in metric.notes) == (count < 1000)

    @pytest.mark.parametrize("offset", [0.0, 1e6])
    def test_features_far_from_0_are_told(self, offset: float) -> None:
        metric = told(Kernel(), randn(60, 4).double() + offset, randn(60, 4).double() + offset)
        found = [note for note in metric.notes if "as far from 0 as they spread" in note]
        assert len(found) == (offset > 0)

    def test_identical_sets_have_a_kernel_distance_below_0(self) -> None:
        """Without bias the mean is 0 for other samples; for the very same rows the diagonal is missed."""
        x = randn(30, 4)
        kernel = (x @ x.T / 4 + 1) ** 3
        whole, diagonal = float(kernel.sum()), float(kernel.trace())
        expected = 2 * (whole - diagonal) / (30 * 29) - 2 * whole / 900
        assert told(Kernel(), x, x).compute()["kernel"] == pytest.approx(expected, rel=1e-9) and expected < 0

    def test_inception_scores_of_certainty_and_of_nothing(self) -> None:
        assert score(torch.eye(1000, dtype=torch.float64)) == pytest.approx(1000, rel=1e-12)
        assert score(torch.full((9, 7), 1 / 7, dtype=torch.float64)) == pytest.approx(1, rel=1e-12)
        assert score(randn(1, 7).softmax(1).repeat(50, 1)) == pytest.approx(1, rel=1e-12)

    def test_the_mean_is_taken_before_the_exponential_and_over_samples_alone(self) -> None:
        """Two sure samples of one class and two unsure between two: by hand."""
        p = torch.tensor([[1.0, 0], [1, 0], [0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
        sure, unsure = log(1 / 0.75), 0.5 * log(0.5 / 0.75) + 0.5 * log(0.5 / 0.25)
        assert divergences(p).tolist() == pytest.approx([sure, sure, unsure, unsure])
        assert score(p) == pytest.approx(exp((sure + unsure) / 2))

    def test_the_line_of_least_squares(self) -> None:
        x, y = [1.0, 2.0, 4.0, 7.0], [2.0, 1.0, 3.0, 5.0]
        found = stats.linregress(x, y)
        value, variance = intercept(x, y)
        assert (value, sqrt(variance)) == (pytest.approx(found.intercept), pytest.approx(found.intercept_stderr))

    def test_a_factor_has_the_rank_of_its_covariance(self) -> None:
        covariance = torch.cov(correlated(300, 40, 7).T)
        found = factor(covariance)
        assert found.shape == (40, 7)
        torch.testing.assert_close(found @ found.T, covariance, rtol=1e-10, atol=1e-12)
        assert factor(torch.zeros(3, 3, dtype=torch.float64)).shape == (3, 0)


# Known answers


@cache
def reference() -> Moments:
    return moments(torch.randn(20_000, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))


class TestKnownAnswers:
    @pytest.mark.parametrize(
        ("count", "expected"),
        [(250, 4.63), (500, 2.30), (1000, 1.15), (2000, 0.60), (5000, 0.28), (10_000, 0.16), (20_000, 0.10)],
    )
    def test_the_bias_at_a_true_distance_of_0(self, count: int, expected: float) -> None:
        assert distance(reference(), moments(randn(count, 64))) == pytest.approx(expected, rel=0.1)

    def test_the_bias_is_shown_with_its_size(self) -> None:
        metric = told(Frechet(), randn(20_000, 64), randn(1000, 64))
        assert metric.bias() == pytest.approx(metric.compute()["frechet"], rel=0.1)
        assert [note[:55] for note in metric.notes] == ["N = 1,000 < 10,000: the Fréchet distance is too large b"]
        assert "by about 1.1" in metric.notes[0] or "by about 1.2" in metric.notes[0]

    def test_fewer_images_than_features_are_pointed_out(self) -> None:
        metric = told(Frechet(), randn(300, 64), randn(40, 64))
        assert metric.notes[0].startswith("There are 40 images for 64 features: a covariance is singular")

    @pytest.mark.parametrize(("shift", "truth"), [(0.0, 0.05), (0.8, 0.66)])
    def test_infinitely_many_images_leave_the_bias_of_the_reference(self, shift: float, truth: float) -> None:
        fake = randn(20_000, 64)
        fake[:, 0] += shift
        metric = told(FrechetInfinity(), randn(20_000, 64), fake)
        value, low, high = metric.intervals()["frechet-infinity"]
        assert value == pytest.approx(truth, abs=0.035) and low < truth < high and not metric.notes

    @pytest.mark.parametrize("size", [250, 1000])
    def test_kernel_subsets_are_unbiased_at_any_size(self, size: int) -> None:
        options = {"size": size, "subsets": 50}
        same = told(Kernel(**options), randn(2000, 64), randn(2000, 64)).compute()
        assert same["kernel"] == pytest.approx(0, abs=2e-3) and same["kernel-subset-mean"] == pytest.approx(0, abs=3e-3)
        other = randn(2000, 64)
        other[:, 0] += 0.8
        apart = told(Kernel(**options), randn(2000, 64), other).compute()
        assert apart["kernel-subset-mean"] == pytest.approx(apart["kernel"], abs=2.5e-3)
        assert apart["kernel"] == pytest.approx(0.031, abs=4e-3) and apart["kernel-subset-sd"] > 1e-3

    @pytest.mark.parametrize(("splits", "expected"), [(1, 100.0), (10, 91.7), (50, 56.6)])
    def test_splits_lower_the_inception_score(self, splits: int, expected: float) -> None:
        p = torch.eye(100, dtype=torch.float64).repeat(50, 1)
        found = of_classes(p, splits=splits).compute()
        assert found["inception-score"] == pytest.approx(expected, rel=0.015)  # over shuffles: 91.0 ± 0.2, 56.9 ± 0.4
        if splits > 1:
            assert found["inception-score-1-split"] == pytest.approx(100, rel=1e-12)

    def test_images_in_the_order_of_their_classes_are_shuffled(self) -> None:
        p = torch.eye(10, dtype=torch.float64).repeat_interleave(100, 0)
        assert of_classes(p).compute()["inception-score"] > 9


# Bad input


class TestBadInput:
    def test_logits_are_no_probabilities(self) -> None:
        with pytest.raises(UsageError, match="must not be negative and sum to 1"):
            of_classes(randn(20, 5))

    def test_too_few_images_for_the_splits_leave_the_whole(self) -> None:
        metric = of_classes(randn(12, 5).softmax(1))
        assert set(metric.compute()) == set(metric.intervals()) == {"inception-score-1-split"}
        assert "needs at least 20 images, but there are 12: take more, or inception-score:splits=1" in metric.notes[1]

    def test_too_few_for_a_kernel_or_a_line(self) -> None:
        with pytest.raises(UsageError, match="at least 2 images on each side, but there are 1 generated"):
            told(Kernel(), randn(5, 2), randn(1, 2)).compute()
        metric = told(FrechetInfinity(), randn(50, 2), randn(29, 2))
        assert metric.compute() == metric.intervals() == {}
        assert metric.notes == ["frechet-infinity at 15 sizes needs at least 30 generated images, but there are 29."]

    def test_sets_of_different_features(self) -> None:
        for metric in (Kernel(), Frechet(), FrechetInfinity()):
            with pytest.raises(UsageError, match="one extractor"):
                told(metric, randn(50, 3), randn(50, 4)).compute()

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Kernel(size=1), "size ≥ 2"),
            (lambda: InceptionScore(splits=0), "at least 1"),
            (lambda: FrechetInfinity(points=2), "3 from 2 at least"),
            (lambda: Frechet(sample=3), "at least 4"),
        ],
    )
    def test_options_out_of_range(self, make: Callable[[], object], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            make()

    def test_too_few_images_for_subsets_leave_the_whole(self) -> None:
        metric = told(Kernel(), randn(50, 3), randn(60, 3))
        assert set(metric.compute()) == {"kernel"} and "too few for subsets of 1,000" in metric.notes[0]

    def test_a_sample_is_told(self) -> None:
        metric = told(Kernel(most=100, subsets=0), randn(300, 3), randn(60, 3))
        assert "a sample of 100 of the 300 real images; kernel:most=300" in metric.notes[0]


# Rows and intervals


class TestRows:
    def test_parts_are_kept_and_not_copied(self) -> None:
        first, second = Rows(), Rows(100)
        chunk = randn(5, 3)
        for rows in (first, second):
            rows.update(chunk)
        assert first.parts[0] is chunk and second.table() is chunk

    def test_a_sample_depends_on_the_rows_alone(self) -> None:
        x = randn(900, 3)
        one, first, second = Rows(100), Rows(100), Rows(100)
        for part in x.split(7):
            one.update(part)
        order = torch.randperm(900)
        first.update(x[order[:500]])
        second.update(x[order[500:]])
        first.merge(second)
        assert torch.equal(one.table(), first.table())
        assert sum(map(len, one.parts)) < 200  # memory does not grow with what is seen
        assert (len(one), one.seen, first.seen) == (100, 900, 900) and len(torch.unique(one.table(), dim=0)) == 100

    def test_every_row_is_as_likely(self) -> None:
        """Of rows 0 … 999 in a column, a sample of 500 has the mean and spread of a random one."""
        means = []
        for shift in range(200):
            rows = Rows(500)
            rows.update(torch.arange(1000.0)[:, None] + 1000 * shift)
            means.append(float(rows.table().mean()) - 1000 * shift)
        deviation = 1000 / sqrt(12 * 1000)  # of the mean of half of 1,000, drawn without replacement
        assert np.mean(means) == pytest.approx(499.5, abs=4 * deviation / sqrt(200))
        assert np.std(means) == pytest.approx(deviation, rel=0.2)

    def test_places_do_not_depend_on_order(self) -> None:
        x = randn(50, 3)
        assert torch.equal(placed(x), placed(x[torch.randperm(50)]))

    def test_other_columns_are_refused(self) -> None:
        rows = Rows()
        rows.update(randn(2, 3))
        with pytest.raises(UsageError, match=r"shape \[4\] cannot join rows of shape \[3\]"):
            rows.update(randn(2, 4))
        with pytest.raises(UsageError, match="no images"):
            Rows().table()


class TestIntervals:
    @pytest.mark.parametrize("freedom", [1, 2, 3, 8, 9, 30, 200, 201, 5000])
    @pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
    def test_student(self, freedom: int, confidence: float) -> None:
        expected = stats.t.ppf(0.5 + confidence / 2, freedom)
        assert intervals.student_quantile(freedom, confidence) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize(("right", "trials"), [(0, 10), (10, 10), (3, 10), (1, 1), (70, 1000)])
    def test_wilson(self, right: int, trials: int) -> None:
        """The bounds solve (p̂ - p)² = z² p(1 - p)/n."""
        value, low, high = intervals.wilson(right, trials)
        expected = stats.binomtest(right, trials).proportion_ci(method="wilson")
        assert (value, low, high) == pytest.approx((right / trials, expected.low, expected.high), abs=1e-12)

    def test_mean(self) -> None:
        x = randn(12)
        expected = stats.t.interval(0.95, 11, float(x.mean()), float(x.std()) / sqrt(12))
        assert intervals.mean(x)[1:] == pytest.approx(expected)

    def test_the_bootstrap_of_a_mean(self) -> None:
        x = randn(200)
        found = intervals.bootstrap(lambda at: float(x[at].mean()), 200, seed=1)
        assert found == pytest.approx(intervals.mean(x), abs=0.03)
        assert found == intervals.bootstrap(lambda at: float(x[at].mean()), 200, seed=1)

    def test_percentiles_hold_the_number_itself(self) -> None:
        assert intervals.percentiles(5.0, [1.0, 2.0, float("nan")])[2] == 5.0
