"""The closed forms of metrics, and what is seen."""

from __future__ import annotations

from math import inf, log, sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import METRICS, Metric
from belamy.evaluation.metrics.frechet import Metric as Frechet
from belamy.evaluation.metrics.label_fidelity import Metric as LabelFidelity
from belamy.evaluation.metrics.modes import Metric as Modes
from belamy.evaluation.metrics.modes import divergence
from belamy.evaluation.moments import Moments
from belamy.registry import Part

CLASSES = 5


def made(name: str) -> Metric:
    metric: Metric = METRICS.build(Part(name=name), classes=CLASSES)
    return metric


class TestFrechet:
    def distance(self, real: Tensor, fake: Tensor) -> float:
        metric = Frechet()
        metric.update(real=ExtractedFeatures(real.double()), fake=ExtractedFeatures(fake.double()))
        return metric.compute()["frechet"]

    def reference(self, a: Tensor, b: Tensor) -> float:
        """By numpy's general eigenvalues of the product of the covariances."""
        x, y = a.double().numpy(), b.double().numpy()
        s, t = np.cov(x.T), np.cov(y.T)
        roots = np.sqrt(np.maximum(np.linalg.eigvals(s @ t).real, 0)).sum()
        return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * roots)

    @pytest.mark.parametrize("count", [40, 400])
    def test_it_is_that_of_an_independent_reference(self, count: int) -> None:
        a, b = torch.randn(count, 8) @ torch.randn(8, 8), torch.randn(300, 8) + 0.2
        assert self.distance(a, b) == pytest.approx(self.reference(a, b), rel=1e-9)

    def test_in_one_dimension_it_is_the_difference_of_means_and_deviations(self) -> None:
        a, b = torch.randn(100, 1), 3 * torch.randn(80, 1) + 5
        expected = (a.double().mean() - b.double().mean()) ** 2 + (a.double().std() - b.double().std()) ** 2
        assert self.distance(a, b) == pytest.approx(float(expected), rel=1e-6)

    def test_gaussians_of_known_distance(self) -> None:
        """Whitened samples have exactly these means and covariances: |μ|² + Σ(σ - τ)²."""
        x = torch.randn(500, 4, dtype=torch.float64)
        x = x - x.mean(0)
        x = x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T
        a, b = x * torch.tensor([1.0, 2, 3, 4]), x * torch.tensor([2.0, 2, 1, 1]) + torch.tensor([1.0, 0, 0, 2])
        assert self.distance(a, b) == pytest.approx(5 + 1 + 0 + 4 + 9, rel=1e-9)

    def test_a_set_from_itself_is_exactly_0(self) -> None:
        for count, size in ((200, 16), (20, 64)):
            x = torch.randn(count, size) @ torch.randn(size, size)
            assert self.distance(x, x) == 0

    def test_singular_covariances_give_the_nuclear_norm(self) -> None:
        """With fewer images than features, tr (ΣΤ)^½ is the nuclear norm of the product of the centred tables."""
        x, y = torch.randn(20, 64, dtype=torch.float64), torch.randn(30, 64, dtype=torch.float64) + 1
        xc, yc = x - x.mean(0), y - y.mean(0)
        nuclear = torch.linalg.svdvals(xc @ yc.T).sum() / sqrt(19 * 29)
        traces = torch.cov(x.T).trace() + torch.cov(y.T).trace()
        expected = float((x.mean(0) - y.mean(0)).square().sum() + traces - 2 * nuclear)
        assert self.distance(x, y) == pytest.approx(expected, rel=1e-10)
        assert self.distance(y, x) == pytest.approx(expected, rel=1e-10)

    def test_a_collapsed_generator_costs_the_trace_and_the_mean(self) -> None:
        x, y = torch.randn(100, 5, dtype=torch.float64), torch.ones(10, 5, dtype=torch.float64)
        expected = float((x.mean(0) - 1).square().sum() + torch.cov(x.T).trace())
        assert self.distance(x, y) == pytest.approx(expected, rel=1e-10)

    def test_one_image_has_no_covariance(self) -> None:
        with pytest.raises(UsageError, match="at least 2 images, but there is 1"):
            self.distance(torch.randn(9, 3), torch.randn(1, 3))


class TestMoments:
    def test_a_large_mean_does_not_hide_the_spread(self) -> None:
        x = torch.randn(1000, 3, dtype=torch.float64) * 1e-3 + 1e6
        moments = Moments()
        for part in x.split(17):
            moments.update(part)
        torch.testing.assert_close(moments.covariance, torch.cov(x.T), rtol=1e-6, atol=1e-14)

    def test_features_of_another_size_are_refused(self) -> None:
        moments = Moments()
        moments.update(torch.zeros(2, 3))
        with pytest.raises(UsageError, match="Features of 4 numbers cannot join features of 3"):
            moments.update(torch.zeros(2, 4))


class TestModes:
    def counted(self, told: list[int], real: list[int] | None = None, least: int = 1) -> dict[str, float]:
        metric = Modes(CLASSES, least=least)
        for side, classes in (("fake", told), ("real", real)):
            if classes is not None:
                table = torch.nn.functional.one_hot(torch.tensor(classes), CLASSES).double()
                metric.update(**{side: ExtractedFeatures(torch.zeros(len(classes), 1), table)})
        return metric.compute()

    def test_one_mode_of_five(self) -> None:
        assert self.counted([3, 3, 3]) == {"modes": 1, "kl": pytest.approx(log(5))}

    def test_all_modes_evenly(self) -> None:
        assert self.counted([0, 1, 2, 3, 4] * 3) == {"modes": 5, "kl": pytest.approx(0, abs=1e-15)}

    def test_the_prior_is_that_of_real_images(self) -> None:
        assert self.counted([0, 0, 1], [1, 0, 0, 0, 0, 1])["kl"] == pytest.approx(
            divergence_of(2 / 3, 4 / 6), abs=1e-12
        )
        assert self.counted([0, 1], [0, 0, 0, 1])["kl"] == pytest.approx(divergence_of(0.5, 0.75))

    def test_a_class_that_no_real_image_has(self) -> None:
        assert self.counted([0, 1], [0, 0])["kl"] == inf

    def test_a_mode_may_need_several_samples(self) -> None:
        assert self.counted([0, 0, 1, 2], least=2)["modes"] == 1

    def test_features_without_classes_tell_nothing(self) -> None:
        metric = Modes(CLASSES)
        metric.update(fake=ExtractedFeatures(torch.zeros(3, 1)))
        assert metric.compute() == {}

    def test_divergence_of_fair_and_loaded_coins(self) -> None:
        assert divergence(torch.tensor([3, 1]), torch.tensor([1, 1])) == pytest.approx(divergence_of(0.75, 0.5))


def divergence_of(p: float, q: float) -> float:
    """Of one coin from another."""
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))


def test_label_fidelity_counts_what_was_asked_for_and_told() -> None:
    metric = LabelFidelity()
    table = torch.eye(4, dtype=torch.float64)
    metric.update(fake=ExtractedFeatures(torch.zeros(4, 1), table, torch.tensor([0, 1, 2, 0])))
    assert metric.compute() == {"label-fidelity": 0.75}
    metric.update(
        real=ExtractedFeatures(torch.zeros(4, 1), table, torch.arange(4)),
        fake=ExtractedFeatures(torch.zeros(4, 1), table),
    )
    assert metric.compute() == {"label-fidelity": 0.75, "label-fidelity-real": 1.0}


def test_diversity_of_copies_is_0_and_of_twice_the_spread_2() -> None:
    x = torch.randn(50, 3, dtype=torch.float64)
    for fake, expected in ((torch.ones(9, 3, dtype=torch.float64), 0), (2 * x + 7, 2), (x, 1)):
        metric = made("diversity")
        metric.update(real=ExtractedFeatures(x), fake=ExtractedFeatures(fake))
        assert metric.compute()["diversity"] == pytest.approx(expected, abs=1e-12)


def test_what_is_seen_must_be_finite_tables_of_one_length() -> None:
    with pytest.raises(UsageError, match=r"of shape \[3\]"):
        ExtractedFeatures(torch.zeros(3))
    with pytest.raises(UsageError, match="NaN or infinite"):
        ExtractedFeatures(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(UsageError, match="3 rows of features, but 2 labels"):
        ExtractedFeatures(torch.zeros(3, 1), labels=torch.zeros(2))
