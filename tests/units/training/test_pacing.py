"""Looking at a run takes a tenth of it at most, where looking is slow; what is quick is never left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.methods import vae
from belamy.progress import Reporter
from belamy.runs.run import Run
from belamy.training.estimate import sheet_seconds
from belamy.training.pacing import CHEAP, SHARE, Pace, slowed
from belamy.training.session import Session, SessionSettings
from belamy.training.trainer import Trainer, fresh


class Clockwork:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def paced(seconds: float) -> tuple[Pace, Clockwork]:
    pace, clock = Pace(torch.device("cpu")), Clockwork()
    pace.now = clock
    with pace.counted():
        clock.now += seconds
    return pace, clock


def test_what_is_quick_is_done_whenever_it_is_due() -> None:
    pace, _ = paced(CHEAP)
    assert pace.allows(0.0)


def test_what_is_slow_waits_until_its_share_allows_it() -> None:
    pace, clock = paced(2.0)
    assert not pace.allows(3.9 / SHARE) and pace.allows(4.0 / SHARE)
    with pace.counted():
        clock.now += 2.0
    assert not pace.allows(5.9 / SHARE) and pace.allows(6.0 / SHARE)


def test_the_estimate_counts_sheets_but_no_more_than_their_share() -> None:
    assert slowed(100.0, 0.0, 48) == 100.0
    assert slowed(100.0, CHEAP, 40) == 100.0 + 40 * CHEAP
    assert slowed(1000.0, 10.0, 48) == 1000.0 + 7 * 10.0 + SHARE * 1000.0


@pytest.fixture
def noise() -> Dataset:
    return Dataset("noise", Memory(torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8)))


def trainer(data: Dataset) -> Trainer:
    recipe = vae.Recipe.tiny().changed(train_samples=64, batch=8)
    made = fresh(lambda: vae.Method(recipe, data.spec), recipe.seed, torch.device("cpu"), torch.float32)
    return Trainer(made, data)


def test_a_sheet_is_timed_without_a_trace(noise: Dataset) -> None:
    engine = trainer(noise)
    before = {name: tensor.clone() for name, tensor in engine.state().tensors.items()}
    assert 0 < sheet_seconds(engine) < 10
    assert all(torch.equal(tensor, before[name]) for name, tensor in engine.state().tensors.items())


def test_slow_sheets_are_thinned_and_the_last_is_drawn(
    noise: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belamy.training.session.publish", lambda run: None)
    engine = trainer(noise)
    facts: dict[str, Any] = {"precision": "float32", "snapshots": 8, "data": "", "sessions": []}
    run = Run.create(
        tmp_path / "run", recipe=engine.method.recipe, recipe_name="x", spec=noise.spec, provenance=facts, card={}
    )
    session = Session(run, engine, SessionSettings(snapshots=8, checkpoint_seconds=1e9), Reporter())
    clock = Clockwork()
    session.sheets.now = lambda: clock.now
    monkeypatch.setattr("belamy.training.session.snapshot", slow(clock))
    session.go()
    assert [samples for samples, _ in run.snapshots()] == [0, 64]


def slow(clock: Clockwork) -> Any:
    """A snapshot that takes a minute."""
    from belamy.training import snapshots

    drawn = snapshots.snapshot

    def drawing(*given: Any) -> Any:
        clock.now += 60.0
        return drawn(*given)

    return drawing
