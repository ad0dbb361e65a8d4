"""Comparisons: plans, claims, trials that are done once and resumed exactly, and what is made of them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from math import inf, log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from belamy.comparison import conduct
from belamy.comparison.conduct import ComparisonConfig, Execution, Stopped, compare
from belamy.comparison.display import told
from belamy.comparison.ledger import FolderLedger, beating
from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Plan, Trial, Variant, same_data
from belamy.comparison.report import render, verdict
from belamy.comparison.summary import summary
from belamy.comparison.vary import Vary
from belamy.errors import Interrupted, MissingExtra, NotFinite, RunError, StorageError, UsageError
from belamy.judges import judge
from belamy.pages.charts import box_chart
from belamy.runs.run import Run
from belamy.training import launch, session

SMALL = {"generator": "dense-fashion", "discriminator": "dense-fashion", "latent": 4, "batch": 4, "average": 8}


def plan(**changes: Any) -> Plan:
    """Two variants, three seeds."""
    variants = (Variant(label="hinge", recipe="dcgan-mnist", fields={"adversarial": "hinge"}),
                Variant(label="plain", recipe="dcgan-mnist"))  # fmt: skip
    facts = {"variants": variants, "seeds": 3, "samples": 64, "fingerprint": "f", "weights": "w", **changes}
    return Plan.model_validate(facts)


def outcome(trial: Trial, merit: float) -> Outcome:
    """What a trial might have come to; infinite merit is a failure."""
    facts = {"key": trial.key, "variant": trial.variant.label, "seed": trial.seed, "draw": trial.draw,
             "varied": trial.varied, "samples": 64, "seconds": 1.5}  # fmt: skip
    return Outcome(**facts, failure="NaN") if merit == inf else Outcome(**facts, values={"frechet": merit, "kl": 0.1})


class TestVary:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("lr", "names no range"), ("lr=", "names no range"), ("=1..2", "names no range"), ("lr=1", "no choice"),
            ("lr=1..x", "must be numbers"), ("lr=2..1", "below the upper"), ("lr=0..1:log", "above 0"),
            ("lr=1..2:lgo", "Did you mean 'log'"), ("lr=1..inf", "below the upper"), ("lr=a|", "no choice"),
        ],
    )  # fmt: skip
    def test_what_is_no_range_is_refused(self, text: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            Vary.parse(text)

    def test_draws_lie_in_the_range_by_its_law(self) -> None:
        values = [Vary.parse("a=1e-4..1:log").draw(0, number) for number in range(400)]
        assert all(1e-4 <= value <= 1 for value in values)
        assert np.mean(np.log(values)) == pytest.approx(log(1e-2), abs=0.4)
        whole = [Vary.parse("a=1..3:int").draw(0, number) for number in range(90)]
        assert set(whole) == {1, 2, 3} and {type(value) for value in whole} == {int}
        assert {Vary.parse("a=x|y").draw(0, number) for number in range(30)} == {"x", "y"}

    def test_a_draw_depends_on_seed_fields_and_number_alone(self) -> None:
        one = Vary.parse("a=0..1")
        assert one.draw(0, 5) == Vary.parse("a=0..1").draw(0, 5) != one.draw(0, 6)
        assert one.draw(0, 5) != Vary.parse("b=0..1").draw(0, 5)

    def test_values_reach_fields_options_and_options_of_parts_of_lists(self) -> None:
        recipe = Variant(label="d", recipe="digits").made()
        assert Vary.parse("latent=1..2").apply(recipe, 8).latent == 8  # type: ignore[attr-defined]
        both = Vary.parse("generator_optimizer.lr+discriminator_optimizer.lr=1..2").apply(recipe, 0.5)
        assert both.generator_optimizer.options["lr"] == both.discriminator_optimizer.options["lr"] == 0.5  # type: ignore[attr-defined]
        assert both.generator_optimizer.options["beta2"] == 0.99  # type: ignore[attr-defined]
        changed = Vary.parse("penalties.r1.weight=1..2").apply(recipe, 7.0)
        assert [part.options["weight"] for part in changed.penalties] == [7.0, 1.0]  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("path", "says"),
        [("latnt", "Did you mean 'latent'"), ("latent.x", "has no options"), ("penalties.r9.weight", "hold no 'r9'"),
         ("generator_optimizer.rl", "no option 'rl'")],
    )  # fmt: skip
    def test_unknown_fields_are_refused(self, path: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            Vary.parse(f"{path}=1..2").apply(Variant(label="d", recipe="digits").made(), 1)


class TestPlan:
    def test_trials_come_seed_by_seed_with_the_same_draws_for_all(self) -> None:
        made = plan(draws=2, vary=("latent=4..64:int",))
        trials = made.trials()
        assert [(each.seed, each.draw, each.variant.label) for each in trials[:5]] == [
            (0, 0, "hinge"), (0, 0, "plain"), (0, 1, "hinge"), (0, 1, "plain"), (1, 0, "hinge")]  # fmt: skip
        assert len({each.key for each in trials}) == len(trials) == 12
        assert trials[0].varied == trials[1].varied == trials[4].varied != trials[2].varied
        recipe: Any = made.recipe(trials[2])
        assert (recipe.latent, recipe.seed, recipe.train_samples) == (trials[2].varied["latent"], 0, 64)
        assert recipe.adversarial.name == "hinge"

    def test_it_survives_the_disk_and_grows(self, tmp_path: Path) -> None:
        first = plan()
        first.save(tmp_path)
        assert Plan.open(tmp_path) == first and Plan.open(tmp_path / "none") is None
        config = plan(seeds=5, draws=2, variants=(Variant(label="new", recipe="digits"),))
        grown = first.grown(config)
        assert {trial.key for trial in first.trials()} < {trial.key for trial in grown.trials()}
        assert (grown.seeds, grown.draws, len(grown.variants)) == (5, 2, 3)

    @pytest.mark.parametrize(
        "change", [{"samples": 128}, {"judged": 5}, {"fingerprint": "g"}, {"weights": "v"}, {"vary": ("latent=1..2",)}]
    )
    def test_what_would_make_trials_incomparable_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match="would not be comparable"):
            plan().grown(plan(**change))

    def test_a_label_keeps_its_meaning(self) -> None:
        with pytest.raises(UsageError, match="'plain' was another recipe"):
            plan().grown(plan(variants=(Variant(label="plain", recipe="digits"),)))

    @pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 99}'])
    def test_a_damaged_plan_is_told(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(RunError, match=r"plan\.json"):
            Plan.open(tmp_path)

    def test_all_must_learn_from_the_same_data(self) -> None:
        with pytest.raises(UsageError, match="differ in data: mnist and avatars"):
            same_data((Variant(label="a", recipe="digits"),
                       Variant(label="b", recipe="digits", fields={"data": "avatars"})))  # fmt: skip


def race(folder: Path, log: Path) -> None:
    """The life of one of several processes: claim, note it, record."""
    ledger, trials = FolderLedger(folder), plan(seeds=15).trials()
    while (claim := ledger.claim(trials)) is not None:
        with log.open("a") as file:
            file.write(f"{claim.trial.key}\n")
        claim.record(outcome(claim.trial, 1.0))
        claim.release()


def wait(seconds: float) -> None:
    """Work that takes so long, in small steps as training does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


class TestClaims:
    def test_processes_never_do_a_trial_twice(self, tmp_path: Path) -> None:
        fork = multiprocessing.get_context("fork")
        processes = [fork.Process(target=race, args=(tmp_path, tmp_path / "log")) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        done = (tmp_path / "log").read_text().split()
        assert sorted(done) == sorted(trial.key for trial in plan(seeds=15).trials())
        assert list((tmp_path / "claims").iterdir()) == []

    def test_a_held_trial_is_passed_over_and_a_released_one_is_free(self, tmp_path: Path) -> None:
        ledger, trials = FolderLedger(tmp_path), plan().trials()
        first, second = ledger.claim(trials), ledger.claim(trials)
        assert first is not None and second is not None
        assert [first.trial, second.trial] == trials[:2] and ledger.held() == {trials[0].key, trials[1].key}
        first.release()
        third = ledger.claim(trials)
        assert third is not None and third.trial == trials[0]

    def test_a_claim_without_a_beat_is_void(self, tmp_path: Path) -> None:
        ledger, trials = FolderLedger(tmp_path, patience=50), plan(seeds=1).trials()[:1]
        old = ledger.claim(trials)
        assert old is not None and ledger.claim(trials) is None
        os.utime(ledger.path(trials[0].key, 0), (time.time() - 60,) * 2)
        new = ledger.claim(trials)
        assert new is not None and new.number == 1
        old.beat()
        assert old.lost and not new.lost
        old.record(outcome(trials[0], 1.0))
        assert ledger.outcomes(trials) == {}  # what comes late does not count
        new.record(outcome(trials[0], 2.0))
        assert ledger.outcomes(trials)[trials[0].key].merit == 2.0 and ledger.claim(trials) is None

    def test_a_claim_of_a_process_that_is_gone_is_void_at_once(self, tmp_path: Path) -> None:
        ledger, trials = FolderLedger(tmp_path), plan(seeds=1).trials()[:1]
        claim = ledger.claim(trials)
        assert claim is not None
        path = ledger.path(trials[0].key, 0)
        gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        path.write_text(json.dumps({**json.loads(path.read_text()), "process": int(gone.stdout)}))
        assert ledger.claim(trials) is not None

    def test_beats_keep_a_claim(self, tmp_path: Path) -> None:
        ledger, trials = FolderLedger(tmp_path, patience=50), plan(seeds=1).trials()[:1]
        claim = ledger.claim(trials)
        assert claim is not None
        path = ledger.path(trials[0].key, 0)
        os.utime(path, (time.time() - 60,) * 2)
        with beating(claim, beat=0.05):
            while path.stat().st_mtime < time.time() - 50:
                time.sleep(0.01)
            assert ledger.claim(trials) is None
        claim.release()
        assert ledger.claim(trials) is not None

    def test_a_lost_claim_interrupts_its_work(self, tmp_path: Path) -> None:
        ledger, trials = FolderLedger(tmp_path), plan(seeds=1).trials()[:1]
        claim = ledger.claim(trials)
        assert claim is not None
        ledger.path(trials[0].key, 7).touch()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        try:
            with pytest.raises(KeyboardInterrupt), beating(claim, beat=0.05):
                wait(20)
        finally:
            signal.signal(signal.SIGINT, before)
        assert claim.lost

    def test_no_beat_takes_a_recorded_claim_for_a_lost_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workspace: Any = SimpleNamespace(folder=tmp_path)
        plan(seeds=1).save(tmp_path)
        save, saved = FolderLedger.save, []

        def slowly(ledger: FolderLedger, done: Outcome) -> None:
            save(ledger, done)
            wait(0.2)
            saved.append(done)

        monkeypatch.setattr(FolderLedger, "save", slowly)
        monkeypatch.setattr(conduct, "beating", partial(beating, beat=0.01))
        monkeypatch.setattr(conduct, "perform", lambda trial, *_: outcome(trial, 1.0))
        conduct.work_through(workspace, ledger := FolderLedger(tmp_path))
        assert saved == list(ledger.outcomes(plan(seeds=1).trials()).values()) and len(saved) == 2
        assert not list(ledger.claims.iterdir())

    def test_a_damaged_outcome_is_told(self, tmp_path: Path) -> None:
        trials = plan(seeds=1).trials()[:1]
        (tmp_path / "outcomes").mkdir()
        (tmp_path / "outcomes" / f"{trials[0].key}.json").write_text('{"key": 1}')
        with pytest.raises(RunError, match="is damaged"):
            FolderLedger(tmp_path).outcomes(trials)


class TestOptunaLedger:
    """Runs where the extra ``compare`` is installed."""

    def ledger(self, folder: Path) -> Any:
        pytest.importorskip("optuna")
        from belamy.comparison.optuna_ledger import OptunaLedger

        return OptunaLedger(f"sqlite:///{folder}/study.db", "comparison")

    def test_a_claim_is_held_released_and_recorded(self, tmp_path: Path) -> None:
        ledger, other, trials = self.ledger(tmp_path), self.ledger(tmp_path), plan(seeds=1).trials()
        first, second = ledger.claim(trials), other.claim(trials)
        assert [first.trial, second.trial] == trials and ledger.claim(trials) is None
        assert ledger.held() == {trial.key for trial in trials}
        first.release()
        first = other.claim(trials)
        with beating(first, beat=0.05):
            wait(0.3)
        first.record(outcome(trials[0], 1.25))
        first.release()
        second.record(outcome(trials[1], inf))
        second.release()
        done = ledger.outcomes(trials)
        assert [done[trial.key].merit for trial in trials] == [1.25, inf]
        assert ledger.claim(trials) is None and ledger.held() == set()

    def test_of_two_that_claim_at_once_the_first_has_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        ledger, other, trials = self.ledger(tmp_path), self.ledger(tmp_path), plan(seeds=1).trials()[:1]
        seen, looks = ledger._entered, []

        def late() -> dict[str, Any]:
            """Between this process' look and its claim, another claims."""
            found = seen()
            if not looks:
                looks.append(other.claim(trials))
            return found

        monkeypatch.setattr(ledger, "_entered", late)
        assert ledger.claim(trials) is None and looks[0] is not None
        looks[0].beat()
        assert not looks[0].lost

    def test_a_storage_that_cannot_be_opened_is_told(self) -> None:
        pytest.importorskip("optuna")
        from belamy.comparison.optuna_ledger import OptunaLedger

        with pytest.raises(StorageError, match=r"cannot be opened.*sqlite:///"):
            OptunaLedger("nonsense://x", "comparison")


class TestSummary:
    def facts(self, merits: dict[str, list[float]]) -> dict[str, Any]:
        made = plan(seeds=len(next(iter(merits.values()))))
        done = {trial.key: outcome(trial, merits[trial.variant.label][trial.seed]) for trial in made.trials()
                if trial.seed < len(merits[trial.variant.label])}  # fmt: skip
        return summary(made, done, {"frechet": 0.1})

    def test_failures_count_and_are_never_dropped(self) -> None:
        facts = self.facts({"hinge": [1.0, inf, 3.0], "plain": [2.0, 2.5, 4.0]})
        hinge = facts["variants"]["hinge"]
        assert (hinge["done"], hinge["failed"], hinge["median"], hinge["worst"], hinge["mean"]) == (3, 1, 3, inf, 2)
        assert hinge["reasons"] == ["NaN"] and facts["failed"] == 1
        assert facts["better"]["hinge"]["plain"]["value"] == pytest.approx(4 / 9)
        assert facts["best_of"]["hinge"][0] == inf and facts["best_of"]["hinge"][1] == pytest.approx(5 / 3)
        page = render(facts, {}, "folder")
        assert "1 failed" in page and "NaN" in page and "http://" not in page.replace(
            "http://www.w3.org/2000/svg", "")  # fmt: skip

    def test_only_whole_seeds_decide_the_order(self) -> None:
        facts = self.facts({"hinge": [1.0, 2.0, 3.0], "plain": [2.0, 3.0]})
        assert facts["stability"]["seeds"] == 2 and facts["stability"]["kendall_w"] == 1
        assert facts["stability"]["places"]["hinge"] == [1, 0] and facts["done"] == 5

    def test_the_verdict_is_no_stronger_than_the_trials(self) -> None:
        assert "do not settle" in verdict(self.facts({"hinge": [1.0, 2.0, 3.0], "plain": [1.1, 2.1, 2.9]}))
        clear = verdict(self.facts({"hinge": [float(i) for i in range(9)], "plain": [50.0 + i for i in range(9)]}))
        assert "“hinge” has the lowest" in clear and "do not settle" not in clear
        assert "Half or more" in verdict(self.facts({"hinge": [inf, inf], "plain": [inf, inf]}))
        assert "Too little" in verdict(summary(plan(), {}))

    def test_a_judge_that_tells_little_is_warned_of(self) -> None:
        facts = {**self.facts({"hinge": [1.0], "plain": [2.0]}), "floor": {"label-fidelity-real": 0.62}}
        page = render(facts, {}, "folder")
        assert "only 62.0% of held-out images" in page and "The judge tells 62.00%" in page

    def test_labels_cannot_write_into_the_page(self) -> None:
        made = plan(seeds=1, variants=(Variant(label="<b>x</b>", recipe="digits"), Variant(label="y", recipe="digits")))
        done = {trial.key: outcome(trial, 1.0) for trial in made.trials()}
        assert "<b>x</b>" not in render(summary(made, done), {}, "folder")


def test_boxes_show_quartiles_dots_and_failures() -> None:
    drawn = box_chart({"a": [1.0, 2.0, inf], "b": [inf]}, "Title", "unit", mark=0.5)
    assert drawn.count("<circle") == 2 and drawn.count("1 failed") == 2 and "real images: 0.5" in drawn
    assert "no finite values" in box_chart({"a": [inf]}, "Title", "unit")


def test_progress_in_words() -> None:
    trials = plan().trials()
    done = {trials[0].key: outcome(trials[0], 1.0), trials[1].key: outcome(trials[1], inf)}
    assert told(trials, done, {"k"}, 75.0) == "2 of 6 trials done (1 failed), at work on k, 1 min 15 s left"


# Whole comparisons


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComparisonConfig:
    """Two small recipes on labelled noise, with a hasty judge and without reports of each run."""
    monkeypatch.setattr(judge, "LEAST", 256)
    monkeypatch.setattr(session, "publish", lambda run: run.path)
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(60) % 3)
    fields = {**SMALL, "data": str(tmp_path / "data.npz")}
    variants = (Variant(label="plain", recipe="dcgan-mnist", fields=fields),
                Variant(label="hinge", recipe="dcgan-mnist", fields={**fields, "adversarial": "hinge"}))  # fmt: skip
    return ComparisonConfig(variants, seeds=1, samples=64, judged=20)


def execution(folder: Path) -> Execution:
    return Execution(folder, device="cpu", progress=False)


def values(folder: Path) -> dict[str, Any]:
    """The numbers of all trials, without times and places."""
    facts = json.loads((folder / "comparison.json").read_text())
    return {each["key"]: (each["values"], each["samples"], each["card"]) for each in facts["trials"]}


def test_an_interrupted_comparison_ends_like_an_uninterrupted_one(
    tmp_path: Path, tiny: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(tiny, execution(tmp_path / "whole"))
    step, steps = session.Session.step, []

    def interrupted_step(self: session.Session) -> None:
        step(self)
        steps.append(1)
        if len(steps) in (5, 24):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(session.Session, "step", interrupted_step)
    for done in (0, 1):
        with pytest.raises(Stopped, match=f"{done} of 2 trials done.*belamy compare --out"):
            compare(tiny, execution(tmp_path / "cut"))
    compare(ComparisonConfig(), execution(tmp_path / "cut"))
    assert len(steps) == 2 * 16  # no step was done twice
    assert values(tmp_path / "cut") == values(tmp_path / "whole") and len(values(tmp_path / "whole")) == 2
    before = (tmp_path / "cut" / "outcomes" / "plain-seed-0.json").stat().st_mtime_ns
    compare(replace(tiny, seeds=2), execution(tmp_path / "cut"))
    assert len(values(tmp_path / "cut")) == 4
    assert (tmp_path / "cut" / "outcomes" / "plain-seed-0.json").stat().st_mtime_ns == before
    run = Run.open(tmp_path / "cut" / "trials" / "hinge-seed-1")
    assert run.recipe_name == "dcgan-mnist" and run.recipe.seed == 1 and run.journal()[-1]["event"] == "finish"


def test_a_failing_trial_is_written_down_and_the_others_go_on(
    tmp_path: Path, tiny: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = launch.begin

    def failing(name: str, recipe: Any, *given: Any, **more: Any) -> Run:
        run = begin(name, recipe, *given, **more)
        if recipe.adversarial.name == "hinge":
            raise NotFinite("Training stopped: the loss is nan. Lower a rate.")
        return run

    monkeypatch.setattr(launch, "begin", failing)
    compare(tiny, execution(tmp_path / "out"))
    facts = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {each["variant"]: each["failure"] for each in facts["trials"]} == {
        "plain": None, "hinge": "Training stopped: the loss is nan"}  # fmt: skip
    assert facts["variants"]["hinge"]["median"] == "Infinity" and facts["variants"]["hinge"]["failed"] == 1


def test_a_budget_of_seconds_becomes_samples(
    tmp_path: Path, tiny: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(replace(tiny, variants=tiny.variants[:1], samples=None, seconds=0.5), execution(tmp_path / "out"))
    facts = json.loads((tmp_path / "out" / "comparison.json").read_text())["trials"][0]
    assert facts["samples"] > 64 and facts["seconds"] < 10
    run = Run.open(tmp_path / "out" / "trials" / "plain-seed-0")
    assert run.recipe.train_samples <= facts["samples"] < run.recipe.train_samples + 4


class TestWrongWishes:
    def test_recipes_are_needed(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="Name the recipes"):
            compare(ComparisonConfig(), execution(tmp_path / "new"))

    def test_a_foreign_folder_is_left_alone(self, tmp_path: Path, tiny: ComparisonConfig) -> None:
        with pytest.raises(RunError, match="holds no comparison"):
            compare(tiny, execution(tmp_path))

    def test_recipes_of_different_lengths_need_a_budget(self) -> None:
        with pytest.raises(UsageError, match=r"different lengths.*--samples or --seconds"):
            conduct.own_budget((Variant(label="a", recipe="digits"), Variant(label="b", recipe="dcgan-mnist")))

    def test_draws_need_ranges(self, tmp_path: Path, tiny: ComparisonConfig) -> None:
        with pytest.raises(UsageError, match="4 draws of nothing"):
            compare(replace(tiny, draws=4), execution(tmp_path / "new"))
        assert not (tmp_path / "new" / "plan.json").exists()

    def test_a_trial_being_trained_elsewhere_is_left_to_it(self, tmp_path: Path, tiny: ComparisonConfig) -> None:
        compare(replace(tiny, variants=tiny.variants[:1]), execution(tmp_path / "out"))
        run = Run.open(tmp_path / "out" / "trials" / "plain-seed-0")
        journal = run.path / "journal.jsonl"
        journal.write_text(
            "".join(line for line in journal.read_text().splitlines(keepends=True) if "finish" not in line)
        )
        (tmp_path / "out" / "outcomes" / "plain-seed-0.json").unlink()
        with run.locked():
            compare(ComparisonConfig(), execution(tmp_path / "out"))
        assert values(tmp_path / "out") == {}

    def test_optuna_is_named_where_it_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from belamy.comparison.optuna_ledger import OptunaLedger

        monkeypatch.setitem(sys.modules, "optuna", None)
        with pytest.raises(MissingExtra, match=r"belamy\[compare\]"):
            OptunaLedger("sqlite:///x.db", "x")


def test_the_judge_is_trained_once_and_found_again(
    tmp_path: Path, tiny: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from belamy.data import open_data

    data, told_of = open_data(tiny.variants[0].fields["data"]), []
    first = judge.trained_judge(data, tmp_path / "cache", told_of.append)
    monkeypatch.setattr(judge, "_train", lambda *_: pytest.fail("trained again"))
    again = judge.trained_judge(data, tmp_path / "cache", told_of.append)
    assert first.path == again.path and len(told_of) == 1
    assert judge.extractor(data, first).digest == judge.extractor(data, again).digest
    assert judge.extractor(data, None).name == "pixels"
    with pytest.raises(UsageError, match="no labels of two classes"):
        judge.trained_judge(data.only("0"))


def test_a_judge_that_was_cut_short_is_gone_on_with(
    tmp_path: Path, tiny: ComparisonConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from belamy.data import open_data

    data, step, steps = open_data(tiny.variants[0].fields["data"]), session.Session.step, []

    def once(self: session.Session) -> None:
        step(self)
        steps.append(1)
        if len(steps) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(session.Session, "step", once)
    with pytest.raises(KeyboardInterrupt):
        judge.trained_judge(data, tmp_path / "cut")
    assert next(path.name for path in (tmp_path / "cut" / "judges").iterdir() if path.is_dir()).startswith(".")
    cut, whole = (judge.trained_judge(data, tmp_path / name) for name in ("cut", "whole"))
    assert judge.extractor(data, cut).digest == judge.extractor(data, whole).digest


def test_a_stop_says_how_to_go_on() -> None:
    stopped = Stopped(Path("runs/c"), 3, 30)
    assert str(stopped).endswith("belamy compare --out runs/c") and stopped.exit_code == Interrupted.exit_code


def test_a_link_out_of_a_comparison_is_refused(tmp_path: Path) -> None:
    """Claims that are done are deleted: it must not be files of another folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "plan.json").write_text("{}")
    (tmp_path / "folder" / "claims").symlink_to(tmp_path)
    with pytest.raises(RunError, match="claims is a link"):
        Plan.open(tmp_path / "folder")
