"""Scores by likelihood against a density that is known: the darker a picture, the likelier."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from belamy.api.other_data import DataRow, OtherLikelihoods
from belamy.data import Batch
from belamy.editing.anomaly import examine, fit
from belamy.editing.likelihood_scores import LIKELIHOOD_SCORES, measured, png_nats, scores
from belamy.errors import UsageError
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod, DataSpec
from belamy.seeds import SampleDraws

SIDE = 12


class Dark(BaseMethod):
    """Nats are the sum of the levels."""

    likelihood: Literal["exact"] = "exact"

    def __init__(self) -> None:
        super().__init__(None, DataSpec.pictures((1, SIDE, SIDE)))
        self.weight = nn.Parameter(torch.zeros(1))

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        return -((batch.main + 1) * 127.5).round().flatten(1).sum(1)


def pictures(level: int, spread: int, count: int = 60) -> Tensor:
    source = torch.Generator().manual_seed(level)
    noise = torch.randint(-spread, spread + 1, (count, 1, SIDE, SIDE), generator=source)
    return (level + noise).to(torch.uint8)


def test_nats_are_those_of_the_model_and_of_a_file() -> None:
    images = pictures(100, 3, 70)
    nats, compressed = measured(Dark(), images)
    torch.testing.assert_close(nats, images.double().flatten(1).sum(1))
    assert compressed[0] == png_nats(images[0])


def test_a_file_is_the_larger_the_more_it_tells() -> None:
    flat, noise = pictures(100, 0)[0], pictures(100, 99)[0]
    assert png_nats(flat) < png_nats(noise)
    two = (noise > 100).long()
    assert png_nats(two, black_and_white=True) < png_nats(two * 255)
    assert png_nats(noise.expand(3, -1, -1)) > 0 and png_nats(noise.expand(2, -1, -1)) > png_nats(noise)


def test_the_trap_and_what_gets_out_of_it() -> None:
    """Darker and plainer pictures are likelier; they lie far from what is typical."""
    normal, held, other = pictures(100, 40, 200), pictures(101, 40, 60), pictures(60, 1, 40)
    detector = fit(Dark(), normal, held[:30], "typicality")
    report = examine(detector, other, held[30:], 0.2)
    assert report.areas["likelihood"].value == 0.0 and report.areas["typicality"].value == 1.0
    assert len(report.alarms) == 40
    expected = scores(*measured(Dark(), other), detector.typical)
    torch.testing.assert_close(report.scores, expected["typicality"])
    assert detector.typical == pytest.approx(float(normal.double().flatten(1).sum(1).mean()), rel=1e-3)


def test_plainness_counts_for_a_picture_against_a_compressor() -> None:
    found = scores(torch.tensor([100.0, 100.0]), torch.tensor([20.0, 90.0]), 100.0)
    assert found["likelihood"][0] == found["likelihood"][1] and found["complexity"].tolist() == [80.0, 10.0]


def test_without_likelihoods_there_are_no_such_scores() -> None:
    class Mute(BaseMethod):
        def __init__(self) -> None:
            super().__init__(None, DataSpec.pictures((1, SIDE, SIDE)))

    with pytest.raises(UsageError, match=r"knows no likelihoods\. Take a run that does"):
        fit(Mute(), pictures(1, 0), pictures(1, 0), "complexity")


def test_likelier_data_of_another_kind_are_named() -> None:
    def row(name: str, nats: float) -> DataRow:
        one = Interval(0.5, 0.4, 0.6)
        return DataRow(
            name,
            9,
            Interval(nats, nats - 1, nats + 1),
            one,
            {} if name[0] == "t" else dict.fromkeys(LIKELIHOOD_SCORES, one),
        )

    text = OtherLikelihoods((row("train", 90), row("test", 91), row("plain", 50), row("rich", 200)), "exact", "").text()
    assert "plain is likelier than the run's own held-out data" in text and "rich is likelier" not in text
