"""A run goes wrong, the user types what the watch advises: a new run goes on from it with the changed fields."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stories.conftest import Command

QUIET = ["--no-progress", "--device", "cpu"]


def test_a_changed_field_and_more_samples_are_all_that_is_typed(belamy: Command, trained: Path, tmp_path: Path) -> None:
    words = ["--resume-from", trained, "--samples", "96", "--discriminator-optimizer.lr", "3e-4"]
    done = belamy("train", *words, "--out", tmp_path / "child", *QUIET)
    assert done.returncode == 0, done.stderr
    old, new = (json.loads((path / "recipe.json").read_text()) for path in (trained, tmp_path / "child"))
    changed = {field for field, value in new["fields"].items() if old["fields"][field] != value}
    assert changed == {"train_samples", "discriminator_optimizer"} and new["recipe"] == old["recipe"]
    parent = json.loads((tmp_path / "child" / "provenance.json").read_text())["parent"]
    assert parent["run"] == str(trained) and parent["samples"] == 64 and parent["changed"]["train_samples"] == [64, 96]
    rows = [json.loads(line) for line in (tmp_path / "child" / "metrics.jsonl").read_text().splitlines()]
    assert min(row["samples"] for row in rows) > 64
    assert (tmp_path / "child" / "report.html").is_file()


def test_it_says_what_starts_afresh(belamy: Command, trained: Path, tmp_path: Path) -> None:
    words = ["--samples", "68", "--discriminator", "dcgan-geron", "--out", tmp_path / "child", "--device", "cpu"]
    done = belamy("train", "--resume-from", trained, *words)
    assert done.returncode == 0, done.stderr
    assert "at 64 samples" in done.stdout and "starts afresh: discriminator." in done.stdout


def test_the_recipe_of_a_run_can_be_trained_anew(belamy: Command, trained: Path, tmp_path: Path) -> None:
    words = ["--like", trained, "--samples", "32", "--discriminator", "dcgan-geron", "--out", tmp_path / "anew"]
    done = belamy("train", *words, *QUIET)
    assert done.returncode == 0, done.stderr
    old, new = (json.loads((path / "recipe.json").read_text()) for path in (trained, tmp_path / "anew"))
    changed = {field for field, value in new["fields"].items() if old["fields"][field] != value}
    assert changed == {"train_samples", "discriminator"} and new["recipe"] == old["recipe"]
    assert "parent" not in json.loads((tmp_path / "anew" / "provenance.json").read_text())


def test_the_options_of_the_runs_own_recipe_are_shown(belamy: Command, trained: Path) -> None:
    done = belamy("train", "--resume-from", trained, "--help")
    assert done.returncode == 0 and "(default: dense-fashion)" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--resume-from", "nowhere"], "nowhere does not exist"),
        (["--resume-from"], "--resume-from"),
        (["vae-mnist", "--resume-from", "{run}"], "Leave out the recipe's name to take the run's own."),
        (["--resume-from", "{run}"], "has seen 64 samples, and samples is 64"),
        (["--resume-from", "{run}", "--samples", "96", "--generater.lr", "1"], "There is no option '--generater.lr'"),
        (["--resume-from", "{run}", "--samples", "96", "--out", "{run}"], "holds a run"),
        (["--like", "nowhere"], "nowhere does not exist"),
        (["vae-mnist", "--like", "{run}"], "Name either a recipe"),
        (["--resume-from", "{run}", "--like", "{run}"], "Name either a recipe"),
        (["--resume-form", "{run}"], "Did you mean '--resume-from'?"),
        (["--no-penalties"], "Did you mean '--penalties'?"),
        (["--autopilot", "--no-watch"], "Leave out --no-watch or --autopilot."),
    ],
)
def test_wrong_uses_are_told_in_one_message(belamy: Command, trained: Path, words: list[str], says: str) -> None:
    before = sorted(path.name for path in trained.rglob("*"))
    done = belamy("train", *(word.format(run=trained) for word in words), *QUIET)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
    assert sorted(path.name for path in trained.rglob("*")) == before
