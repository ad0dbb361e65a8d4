"""Train on synthetic, test on real: closed cases, and the command."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features.values import Extractor
from belamy.evaluation.metrics.tstr import Metric
from belamy.evaluation.transfer import errors, forecast, network, taught


def judged(data: Dataset, fake: torch.Tensor, labels: torch.Tensor | None, **options: Any) -> Metric:
    """The metric after it has seen a data set's splits and generated samples."""
    metric, extractor = Metric(**options), Extractor(data.field)
    for side, split in (("real", "test"), ("train", "train")):
        kept = data.indices(split)
        told = None if data.labels is None else data.labels[kept]
        seen = extractor.extract(data.store.read(kept), told)
        metric.update(**{side: ExtractedFeatures(seen.features, None, told, seen.images, data.field)})
    seen = extractor.extract(fake, labels)
    metric.update(fake=ExtractedFeatures(seen.features, None, labels, fake, data.field))
    return metric


@pytest.fixture(scope="module")
def waves() -> Dataset:
    return open_data("waves:count=600")


class TestClasses:
    def test_real_samples_score_as_real_ones_do(self, waves: Dataset) -> None:
        again = open_data("waves:count=540,noise=0.06")
        assert again.labels is not None
        found = judged(waves, again.store.read(torch.arange(540)), again.labels, steps=300).compute()
        assert min(found.values()) > 0.9 and set(found) == {"tstr", "trtr", "trts"}

    def test_wrong_classes_teach_nothing(self, waves: Dataset) -> None:
        again = open_data("waves:count=540,noise=0.06")
        assert again.labels is not None
        found = judged(waves, again.store.read(torch.arange(540)), (again.labels + 1) % 3, steps=300).compute()
        assert found["tstr"] < 0.1 and found["trts"] < 0.1 and found["trtr"] > 0.9

    def test_samples_that_are_right_but_all_alike_are_told_by_their_difference(self, waves: Dataset) -> None:
        """One good sample of each class, repeated: all are told right, but little is learned from them."""
        raw = waves.store.read(torch.arange(3)).repeat(150, 1, 1)
        found = judged(waves, raw, torch.arange(450) % 3, steps=300).compute()
        assert found["trts"] == 1 and found["tstr"] < 0.8

    def test_a_seed_decides_it(self, waves: Dataset) -> None:
        raw, labels = waves.store.read(torch.arange(60)), torch.arange(60) % 3
        one, other = (judged(waves, raw, labels, steps=20, seed=4).intervals() for _ in range(2))
        assert one == other != judged(waves, raw, labels, steps=20, seed=5).intervals()
        state = torch.random.get_rng_state()
        judged(waves, raw, labels, steps=3).compute()
        assert torch.equal(state, torch.random.get_rng_state())


class TestForecasts:
    def test_a_forecast_of_sines_explains_nearly_all(self) -> None:
        data = open_data("sines:count=900")
        fake = open_data("sines:count=1800").store.read(torch.arange(900, 1800))
        found = judged(data, fake, None, steps=600).compute()
        assert found["tstr"] > 0.8 and found["trtr"] > 0.8
        noise = torch.rand_like(fake) * 2 - 1
        assert judged(data, noise, None, steps=100).compute()["tstr"] < 0.2

    def test_the_last_quarter_is_forecast(self) -> None:
        values = torch.arange(30.0).view(1, 10, 3)
        task = forecast(values)
        assert torch.equal(task.inputs, values[:, :7]) and torch.equal(task.targets, values[:, 7:].flatten(1))

    def test_the_mean_explains_nothing(self) -> None:
        task = forecast(torch.randn(40, 8, 1))

        class Mean(torch.nn.Module):
            def forward(self, inputs: torch.Tensor) -> torch.Tensor:
                return task.targets.mean(0).expand(len(inputs), -1)

        missed, spread = errors(Mean(), task)
        torch.testing.assert_close(missed, spread)


def test_tables_without_labels_have_no_task() -> None:
    data = open_data("customers:count=200")
    metric = judged(data, data.store.read(torch.arange(50)), None)
    assert metric.compute() == {} and "no task" in metric.notes[0]


def test_tables_with_labels_have_one() -> None:
    data = open_data("customers:count=800", labels="plan")
    assert data.labels is not None
    found = judged(data, data.store.read(torch.arange(700)), data.labels[:700], steps=300).compute()
    assert found["tstr"] > 0.6 and abs(found["tstr"] - found["trtr"]) < 0.15


def test_few_samples_are_told() -> None:
    data = open_data("waves:count=60")
    metric = judged(data, data.store.read(torch.arange(3)), torch.arange(3))
    assert metric.compute() == {} and "at least 20" in metric.notes[0]


def test_wrong_options() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Metric(steps=0)
    with pytest.raises(UsageError, match="at least 1"):
        Extractor(open_data("waves:count=60").field, steps=0)


def test_the_network_suits_the_samples() -> None:
    assert network((30, 2), 3)(torch.zeros(5, 30, 2)).shape == (5, 3)
    assert network((4, 2), 3)(torch.zeros(5, 4, 2)).shape == (5, 3)
    assert network((9,), 3)(torch.zeros(5, 9)).shape == (5, 3)
    assert taught(forecast(torch.randn(30, 8, 1)), 0, 2, 0)(torch.zeros(2, 6)).shape == (2, 2)


class TestValues:
    def test_series_are_seen_by_parts_swing_and_leaps(self) -> None:
        data = open_data("sines:count=40,channels=2")
        raw = data.store.read(torch.arange(6))
        extractor = Extractor(data.field, steps=10)
        seen = extractor.extract(raw).features
        values = data.batch(torch.arange(6)).main.double()
        assert seen.shape == (6, extractor.size) == (6, 24)
        torch.testing.assert_close(seen[:, 0], values[:, :3, 0].mean(1))
        torch.testing.assert_close(seen[:, 21], values[:, :, 1].std(1, correction=0))
        torch.testing.assert_close(seen[:, 22], values[:, :, 0].diff(dim=1).abs().mean(1))

    def test_rows_are_seen_as_networks_see_them(self) -> None:
        data = open_data("customers:count=40")
        seen = Extractor(data.field).extract(data.store.read(torch.arange(9))).features
        assert torch.equal(seen, data.batch(torch.arange(9)).main.double())
