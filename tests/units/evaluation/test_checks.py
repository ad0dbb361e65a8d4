"""What an evaluation refuses before it reads anything, and what it compares with where nothing is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from belamy.api import evaluate as api
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.evaluation.panel import Panel


def dataset(count: int, official: dict[str, torch.Tensor] | None = None) -> Dataset:
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8)
    return Dataset("noise", Memory(pixels), official=official)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"metrics": ["nosuch"]}, "There is no metric 'nosuch'"),
        ({"metrics": ["kid:subset=5"]}, "'kernel' has no option 'subset'. Did you mean 'subsets'"),
        ({"metrics": ["kernel:subsets=many"]}, "kernel.subsets"),
        ({"split": "nosuch"}, "There is no split 'nosuch'"),
        ({"extractor": "nosuch"}, "There is no extractor 'nosuch'"),
        ({"extractor": "pixels", "extractor_weights": "w.pth"}, "takes no --extractor-weights"),
        ({"probes": ["nosuch"]}, "nosuch"),
        ({"probes": ["continuity"]}, "no method to probe"),
        ({"classifiers": 1}, "no method to probe"),
        ({"against": None}, "Say what .* is to be compared with"),
        ({"count": 1}, "at least 2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_it_is_refused_before_anything_is_read(
    words: dict[str, object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reads in ("reference", "judged", "choose"):
        monkeypatch.setattr(api, reads, lambda *given, **named: pytest.fail("something was read"))
    path = tmp_path / "fakes.npy"
    np.save(path, np.zeros((4, 8, 8), dtype=np.uint8))
    with pytest.raises(UsageError, match=says):
        api.evaluate(path, **{"against": path, "progress": False, **words})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"metrics": ["label-fidelity"]}, "needs labels"),
        ({"split": "test"}, "has no split 'test'"),
        ({"metrics": ["authenticity"], "split": "all"}, "leaves none of them out"),
    ],
    ids=["labels", "split", "train"],
)
def test_it_is_refused_before_a_judge_is_trained(
    words: dict[str, object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for works in ("judged", "choose"):
        monkeypatch.setattr(api, works, lambda *given, **named: pytest.fail("work was begun"))
    path = tmp_path / "reals.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8))
    with pytest.raises(UsageError, match=says):
        api.evaluate(path, path, progress=False, **words)  # type: ignore[arg-type]


def test_all_real_images_are_compared_with_where_a_tenth_is_too_few() -> None:
    split, held, notes = api.compared_with(dataset(500), None)
    assert (split, held) == ("all", "test") and "Held out are 50 images" in notes[0] and "all 500" in notes[0]
    assert api.compared_with(dataset(500), "test") == ("test", None, [])
    assert api.compared_with(dataset(10_000), None) == ("test", None, [])
    halves = {"train": torch.arange(250), "test": torch.arange(250, 500)}
    assert api.compared_with(dataset(500, halves), None) == ("test", None, []), "a split that was given is kept"
    assert api.compared_with(dataset(10), None)[:2] == ("all", None), "nothing is held out of so few"


def test_measures_of_memorisation_compare_with_the_held_out_images() -> None:
    data, looks = dataset(200), []
    metrics = ["frechet", "authenticity"]
    panel = Panel(PixelFeatures((1, 8, 8)), data, "all", metrics, held="test", told=looks.append)
    alone = Panel(PixelFeatures((1, 8, 8)), data, "test", metrics)
    whole = Panel(PixelFeatures((1, 8, 8)), data, "all", ["frechet"])
    fakes = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8)
    found = panel.judge([(fakes, None)])
    assert found.card.n_real == 200 and found.values["frechet"] == whole.judge([(fakes, None)]).values["frechet"]
    expected = alone.judge([(fakes, None)]).values
    assert found.values["authenticity-held-out"] == expected["authenticity-held-out"] < 1
    baseline = panel.real_baseline(60)
    assert baseline.values["frechet"] == whole.real_baseline(60).values["frechet"]
    assert baseline.values["authenticity"] == alone.real_baseline(60).values["authenticity"]
    assert sum(looks) == panel.work(60, real_baseline=True)
