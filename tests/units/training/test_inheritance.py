"""A new run that starts from another one's checkpoint takes over what fits, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import belamy
from belamy.errors import Interrupted, RunError, UsageError
from belamy.methods import gan
from belamy.methods.base import DataSpec
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.training.inheritance import fitting
from belamy.training.session import Session

RECIPE = gan.Recipe.tiny().changed(samples=160)
QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "checkpoint_seconds": 0, "snapshots": 2}


@pytest.fixture(scope="module")
def stopped(noise_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted after 80 of 160 samples."""
    path = tmp_path_factory.mktemp("stopped") / "half"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 80)
        with pytest.raises(Interrupted):
            belamy.train(RECIPE, data=str(noise_file), out=path, **QUIET)
    return path


@pytest.fixture
def half(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it, to go on with or to damage."""
    return Path(shutil.copytree(stopped, tmp_path / "half"))


def stop_after(monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    """Interrupt each session at so many samples."""
    whole = Session.go

    def part(self: Session) -> bool:
        self.total = samples
        return whole(self) and False

    monkeypatch.setattr(Session, "go", part)


def weights(run: Path | Run) -> dict[str, Tensor]:
    """The whole state at the newest checkpoint."""
    state = (run if isinstance(run, Run) else Run.open(run)).load_checkpoint()
    assert state is not None
    return dict(state.tensors)


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different


def test_with_the_same_recipe_it_is_a_plain_resume_bit_for_bit(half: Path, tmp_path: Path) -> None:
    child = belamy.train(resume_from=half, out=tmp_path / "child", **QUIET)
    plain = belamy.resume(half, progress=False, device="cpu", checkpoint_seconds=0)
    one, other = weights(child), weights(plain)
    assert_equal(
        {name: value for name, value in one.items() if not name.startswith("tally/")},
        {name: value for name, value in other.items() if not name.startswith("tally/")},
    )
    assert child.recipe == plain.recipe and child.samples_seen == 160


def test_the_first_checkpoint_is_the_parents_state_so_the_parent_may_go(
    half: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    changes = {"generator_optimizer": "adam:lr=0.0005", "ema_half_life": 32}
    straight = belamy.train(resume_from=half, out=tmp_path / "straight", **changes, **QUIET)
    stop_after(monkeypatch, 112)
    with pytest.raises(Interrupted):
        belamy.train(resume_from=half, out=tmp_path / "child", **changes, **QUIET)
    monkeypatch.undo()
    shutil.rmtree(half)
    again = belamy.resume(tmp_path / "child", progress=False, device="cpu", checkpoint_seconds=0)
    assert_equal(weights(straight), weights(again))
    facts = again.provenance.parent
    assert facts["run"] == str(half) and facts["samples"] == 80 and facts["afresh"] == []
    assert facts["changed"]["ema_half_life"] == [64, 32] and set(facts["changed"]) == {
        "ema_half_life",
        "generator_optimizer",
    }


def test_killed_before_its_first_step_it_goes_on_from_the_parents_state(
    half: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    def killed(self: Session) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "go", killed)
    with pytest.raises(KeyboardInterrupt):
        belamy.train(resume_from=half, out=tmp_path / "child", **QUIET)
    before, first = weights(half), weights(tmp_path / "child")
    tally = {name for name in before if name.startswith("tally/")}
    assert_equal({name: before[name] for name in before.keys() - tally}, first)
    events = [json.loads(line) for line in (tmp_path / "child" / "journal.jsonl").read_text().splitlines()]
    assert [(row["event"], row["samples"]) for row in events] == [("start", 80)]


def test_another_width_starts_that_network_afresh_and_no_other(half: Path, tmp_path: Path, monkeypatch: Any) -> None:
    stop_after(monkeypatch, 80)
    wide = Part(name="digits", width=4, hidden=16)
    with pytest.raises(Interrupted):
        belamy.train(resume_from=half, out=tmp_path / "child", discriminator=wide, **QUIET)
    before, after = weights(half), weights(tmp_path / "child")
    kept = ("method/generator.", "average/generator/", "optimizer/generator/")
    assert_equal(*({name: value for name, value in each.items() if name.startswith(kept)} for each in (before, after)))
    assert not [name for name in after if name.startswith("optimizer/discriminator/")]
    assert Run.open(tmp_path / "child").provenance.parent["afresh"] == ["discriminator"]


def test_a_larger_batch_goes_on_where_the_data_were_left(half: Path, tmp_path: Path, monkeypatch: Any) -> None:
    stop_after(monkeypatch, 80)
    with pytest.raises(Interrupted):
        belamy.train(resume_from=half, out=tmp_path / "child", batch=32, **QUIET)
    state = Run.open(tmp_path / "child").load_checkpoint()
    assert state is not None and (state.samples, state.step, state.position) == (80, 5, 3)  # 5 batches of 16 are 2.5


def test_a_new_average_begins_with_the_weights_of_now(noise_file: Path, tmp_path: Path, monkeypatch: Any) -> None:
    stop_after(monkeypatch, 80)
    for words in (
        {"recipe": RECIPE.changed(ema_half_life=0), "data": str(noise_file)},
        {"resume_from": tmp_path / "run", "ema_half_life": 64},
    ):
        with pytest.raises(Interrupted):
            belamy.train(out=tmp_path / ("child" if "ema_half_life" in words else "run"), **words, **QUIET)
    state = Run.open(tmp_path / "child").load_checkpoint()
    assert state is not None
    live = {
        name.removeprefix("generator."): value
        for name, value in state.below("method").items()
        if name.startswith("generator.")
    }
    assert_equal(state.below("average/generator"), live)


def test_layers_that_another_part_adds_are_all_that_is_new() -> None:
    spec = DataSpec.pictures((1, 8, 8), ())
    old = gan.Method(RECIPE.changed(auxiliary=0.0), spec)
    new = gan.Method(RECIPE.changed(auxiliary=0.0, statistics=("minibatch-standard-deviation",)), spec)
    missing = {name.rpartition(".")[0] for name in new.state_dict()} - fitting(old, new)
    assert missing and missing == {
        name.rpartition(".")[0] for name in new.state_dict().keys() - old.state_dict().keys()
    }


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"resume_from": "nowhere"}, RunError, "nowhere does not exist"),
        ({"recipe": "vae-mnist"}, UsageError, "was trained by the method 'gan', but the recipe is one of 'vae'"),
        ({"samples": 80}, UsageError, "samples is 80: it counts those too. Give more, e.g. --samples 160"),
        ({"generatr": "digits"}, UsageError, "no field 'generatr'"),
        ({"autopilot": True, "watch": False}, UsageError, "Leave out --no-watch or --autopilot"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_written(
    half: Path, tmp_path: Path, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        belamy.train(**{"resume_from": half, "out": tmp_path / "child", **QUIET, **given})
    assert not (tmp_path / "child").exists()


def test_a_run_that_saved_nothing_is_no_parent(half: Path, tmp_path: Path) -> None:
    shutil.rmtree(half / "checkpoints")
    with pytest.raises(RunError, match="has no checkpoint to go on from"):
        belamy.train(resume_from=half, out=tmp_path / "child", **QUIET)
