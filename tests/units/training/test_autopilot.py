"""The autopilot applies remedies, tells of them, and takes back what made things worse; killed, it goes on the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import belamy
from belamy.errors import NotFinite
from belamy.methods import gan
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.training import autopilot, session
from belamy.training.autopilot import Attempt, RemedyResult, decide, lately, quality
from belamy.training.trainer import Trainer, fresh
from belamy.training.watch import observe
from belamy.training.watch.finding import Finding, Remedy
from belamy.training.watch.history import RunHistory

SLOWER = Part(name="adam", lr=5e-5, beta1=0.5)
SLOW = Remedy("the discriminator learns more slowly", {"discriminator_optimizer": SLOWER}, ("--x",))
SMOOTH = Remedy("labels are smoothed", {"targets": (Part(name="smoothing"),)}, ("--y",))
IMPOSSIBLE = Remedy("another network", {"generator": Part(name="resnet-cifar", features=0)}, ("--w",))
"""No such network can be made."""
WIDER = Remedy("more filters", {"discriminator": Part(name="digits", width=4, hidden=16)}, ("--z",))
RECIPE = gan.Recipe.tiny().changed(samples=240, penalties=(), auxiliary=0.0)
QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "checkpoint_seconds": 0, "snapshots": 2}


def severe(*remedies: Remedy) -> Finding:
    return Finding("trouble", 2.0, "says", "cause", prescription=lambda: remedies, sign="trouble")


def history(looks: int, events: list[dict[str, Any]], good: Callable[[int], float] = lambda look: 0.5) -> RunHistory:
    """A look for each 100 samples."""
    rows = [
        {"samples": 100 * look, "watch": {"precision": good(look), "coverage": good(look)}} for look in range(looks)
    ]
    return RunHistory(RECIPE.changed(samples=10_000), rows, events)


def moved(event: str, samples: int, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"event": event, "samples": samples, "changes": changes or {}}


def anything(remedy: Remedy) -> bool:
    return True


class TestDecide:
    def test_the_first_remedy_of_a_severe_finding_that_applies(self) -> None:
        mild = Finding("mild", 0.7, "says", "cause", prescription=lambda: (SLOW,), sign="mild")
        found = decide(history(3, []), [mild, severe(WIDER, SMOOTH, SLOW)], lambda remedy: remedy is not WIDER)
        assert isinstance(found, Attempt) and found.remedy is SMOOTH
        assert decide(history(3, []), [mild], anything) is None
        assert decide(history(3, []), [severe(Remedy("buy more data"))], anything) is None

    def test_a_remedy_has_time_to_act_and_is_then_judged_by_quality(self) -> None:
        events = [moved("remedy", 800)]
        assert decide(history(11, events), [severe(SLOW)], anything) is None
        fine = decide(history(12, events), [severe(SLOW)], anything)
        assert fine == RemedyResult(1.0, 1.0) and not fine.worse
        bad = decide(history(12, events, lambda look: 0.5 if look <= 8 else 0.4), [], anything)
        assert isinstance(bad, RemedyResult) and bad.worse
        assert (
            not RemedyResult(1.0, 0.95).worse
            and not RemedyResult(None, 0.5).worse
            and RemedyResult(diverged=True).worse
        )

    def test_what_was_taken_back_is_not_tried_again(self) -> None:
        changes = {"targets": ["smoothing"]}
        events = [moved("remedy", 100, changes), moved("back-out", 500, changes)]
        assert decide(history(8, events), [severe(SMOOTH, SLOW)], anything) is None, "it is left alone for a while"
        found = decide(history(10, events), [severe(SMOOTH, SLOW)], anything)
        assert isinstance(found, Attempt) and found.remedy is SLOW

    def test_nothing_is_begun_near_the_end_or_too_often(self) -> None:
        assert decide(history(90, []), [severe(SLOW)], anything) is None
        often = [moved(event, 1) for _ in range(autopilot.ATTEMPTS) for event in ("remedy", "kept")]
        assert decide(history(20, often), [severe(SLOW)], anything) is None

    def test_where_nothing_worth_keeping_was_learned_it_begins_anew(self) -> None:
        good = decide(history(9, [], lambda look: 0.3), [severe(SLOW)], anything)
        poor = decide(history(9, [], lambda look: 0.01), [severe(SLOW)], anything)
        assert isinstance(good, Attempt) and not good.afresh
        assert isinstance(poor, Attempt) and poor.afresh
        late = decide(history(70, [], lambda look: 0.01), [severe(SLOW)], anything)
        assert isinstance(late, Attempt) and not late.afresh, "there is no time to begin anew"

    def test_what_lies_before_a_new_beginning_is_no_evidence(self) -> None:
        events = [moved("not-finite", 300), {**moved("remedy", 300), "afresh": True}, moved("not-finite", 900)]
        seen = lately(history(12, events))
        assert [row["samples"] for row in seen.rows] == [100 * look for look in range(4, 12)]
        assert [row["samples"] for row in seen.events] == [300, 900]

    def test_quality_is_precision_and_coverage_at_some_looks(self) -> None:
        assert quality(history(5, [], lambda look: look / 10), [200, 400]) == pytest.approx(0.6)
        assert quality(RunHistory(RECIPE, []), [100]) is None


def find(monkeypatch: pytest.MonkeyPatch, examine: Callable[[RunHistory], list[Finding]]) -> None:
    """Let the watch find what is given."""
    for room in (session, autopilot):
        monkeypatch.setattr(room, "examine", examine)


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks every 16 samples that always find trouble; the first remedy would need a new network."""
    monkeypatch.setattr(observe, "APART", 1)
    monkeypatch.setattr(observe, "FEWEST", 32)
    monkeypatch.setattr(autopilot, "PATIENCE", 2)
    find(monkeypatch, lambda history: [severe(IMPOSSIBLE, WIDER, SMOOTH, SLOW)])


def fly(noise_file: Path, out: Path, **changes: Any) -> Run:
    return belamy.train(RECIPE.changed(**changes), data=str(noise_file), out=out, autopilot=True, **QUIET)


def moves(run: Run) -> list[tuple[str, str]]:
    return [(row["event"], *row["changes"]) for row in run.journal() if row["event"] in ("remedy", "back-out")]


def judged(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Say that each remedy changed the quality from 1 to a value."""
    monkeypatch.setattr(autopilot, "quality", lambda history, looks: value if looks[-1] == history.samples else 1.0)


@pytest.mark.usefixtures("trouble")
class TestFlight:
    def test_a_remedy_that_helps_is_kept(self, noise_file: Path, tmp_path: Path, monkeypatch: Any) -> None:
        judged(monkeypatch, 1.0)
        run = fly(noise_file, tmp_path / "run")
        events = [(row["event"], row.get("changes")) for row in run.journal()]
        assert events[2] == ("remedy", {"targets": ["smoothing"]}), "the network would have been new"
        kept = next(row for row in run.journal() if row["event"] == "kept")
        assert (kept["before"], kept["after"]) == (1.0, 1.0)
        assert str(run.recipe.targets[0]) == "smoothing" and not RECIPE.targets  # type: ignore[attr-defined]
        assert '"targets": []' in (run.path / "recipe.json").read_text(), "what was asked for stays on record"
        assert not (run.path / "fallback").exists() and run.samples_seen == 240
        assert run.sample(2).shape == (2, 1, 8, 8)

    def test_a_remedy_that_makes_things_worse_is_taken_back(
        self, noise_file: Path, tmp_path: Path, monkeypatch: Any
    ) -> None:
        judged(monkeypatch, 0.5)
        weights: dict[str, Any] = {}
        loading = Trainer.load_state

        def load(self: Trainer, state: Any) -> None:
            loading(self, state)
            weights["back"] = {name: value.clone() for name, value in self.method.state_dict().items()}

        monkeypatch.setattr(Trainer, "load_state", load)
        saving = Run.save_fallback

        def save(self: Run, state: Any) -> None:
            weights["before"] = {name: value.clone() for name, value in state.below("method").items()}
            saving(self, state)

        monkeypatch.setattr(Run, "save_fallback", save)
        run = fly(noise_file, tmp_path / "run")
        told = moves(run)
        assert told[:4] == [
            ("remedy", "targets"), ("back-out", "targets"),
            ("remedy", "discriminator_optimizer"), ("back-out", "discriminator_optimizer"),
        ]  # fmt: skip
        assert len(told) == 4, "nothing that was taken back is tried again"
        assert run.recipe.model_dump() == RECIPE.changed(data=run.recipe.data).model_dump()
        assert all(torch.equal(weights["back"][name], value) for name, value in weights["before"].items())
        samples = [row["samples"] for row in run.metrics()]
        assert samples == sorted(samples), "time that was spent is spent"

    def test_a_remedy_that_diverges_is_taken_back(self, noise_file: Path, tmp_path: Path, monkeypatch: Any) -> None:
        stepping = Trainer.step

        def step(self: Trainer) -> None:
            stepping(self)
            if self.method.recipe.targets and self.clock.samples >= 32:
                raise NotFinite("the loss is nan")

        monkeypatch.setattr(Trainer, "step", step)
        run = fly(noise_file, tmp_path / "run")
        assert moves(run)[:2] == [("remedy", "targets"), ("back-out", "targets")]
        assert next(row for row in run.journal() if row["event"] == "back-out")["diverged"]
        assert run.samples_seen == 240

    def test_without_a_trial_divergence_stops_the_run(self, noise_file: Path, tmp_path: Path, monkeypatch: Any) -> None:
        find(monkeypatch, lambda history: [])

        def step(self: Trainer) -> None:
            raise NotFinite("the loss is nan")

        monkeypatch.setattr(Trainer, "step", step)
        with pytest.raises(NotFinite, match="the loss is nan"):
            fly(noise_file, tmp_path / "run")

    def test_a_run_that_diverges_begins_anew_with_a_remedy(
        self, noise_file: Path, tmp_path: Path, monkeypatch: Any
    ) -> None:
        find(monkeypatch, lambda history: [severe(SMOOTH, SLOW)] if "not-finite" in str(history.events) else [])
        stepping = Trainer.step
        state: dict[str, dict[str, torch.Tensor]] = {}

        def step(self: Trainer) -> None:
            lr = self.method.recipe.discriminator_optimizer.options["lr"]
            if lr == SLOWER.options["lr"]:
                state.setdefault("anew", {name: value.clone() for name, value in self.method.state_dict().items()})
            elif self.clock.samples >= 64:
                raise NotFinite("the loss is nan")
            stepping(self)

        monkeypatch.setattr(Trainer, "step", step)
        judged(monkeypatch, 1.0)
        run = fly(noise_file, tmp_path / "run")
        assert moves(run)[:3] == [("remedy", "targets"), ("back-out", "targets"), ("remedy", "discriminator_optimizer")]
        assert run.samples_seen == 240 and not run.recipe.targets  # type: ignore[attr-defined]
        begun = fresh(run.build, run.recipe.seed, torch.device("cpu"), torch.float32).state_dict()
        assert all(torch.equal(state["anew"][name], value) for name, value in begun.items()), "of the same seed"

    @pytest.mark.parametrize("value", [0.5, 1.0])
    def test_killed_at_any_step_it_goes_on_to_the_same_bits(
        self, noise_file: Path, tmp_path: Path, monkeypatch: Any, value: float
    ) -> None:
        judged(monkeypatch, value)
        whole = fly(noise_file, tmp_path / "whole")
        events = [(row["event"], row["samples"]) for row in whole.journal()]
        times = sorted({samples // 16 for event, samples in events if event in ("remedy", "kept", "back-out")})
        stepping = Trainer.step
        for number, step in enumerate([times[0], times[1] + 1]):
            out = tmp_path / f"killed-{number}"

            def killed(self: Trainer, last: int = step) -> None:
                if self.clock.step == last:
                    raise KeyboardInterrupt
                stepping(self)

            monkeypatch.setattr(Trainer, "step", killed)
            with pytest.raises(KeyboardInterrupt):
                fly(noise_file, out)
            monkeypatch.setattr(Trainer, "step", stepping)
            again = belamy.resume(out, progress=False, device="cpu", checkpoint_seconds=0)
            assert [(row["event"], row["samples"]) for row in again.journal()] == events
            one, other = whole.load_checkpoint(), again.load_checkpoint()
            assert one is not None and other is not None and one.tensors.keys() == other.tensors.keys()
            assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
            assert again.recipe == whole.recipe

    def test_killed_between_the_look_and_the_act_it_acts(
        self, noise_file: Path, tmp_path: Path, monkeypatch: Any
    ) -> None:
        judged(monkeypatch, 1.0)
        whole = fly(noise_file, tmp_path / "whole")

        def killed(self: Any, move: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(autopilot.Autopilot, "make", killed)
            with pytest.raises(KeyboardInterrupt):
                fly(noise_file, tmp_path / "killed")
        again = belamy.resume(tmp_path / "killed", progress=False, device="cpu", checkpoint_seconds=0)
        assert [(row["event"], row["samples"]) for row in again.journal()] == [
            (row["event"], row["samples"]) for row in whole.journal()
        ]
