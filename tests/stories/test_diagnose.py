"""``belamy diagnose``: on finished and stopped runs, as text and as JSON, and what it says to wrong uses."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from belamy.runs.files import append_jsonl
from stories.conftest import Command


@pytest.fixture
def collapsed(trained: Path, tmp_path: Path) -> Path:
    """A copy of a run whose rows tell of a collapse."""
    run = tmp_path / "collapsed"
    shutil.copytree(trained, run)
    for look in range(1, 21):
        seen = {"finite": 1.0, "diversity": 0.9 / look, "coverage": 0.5 / look, "precision": 0.5, "copies": 0.0}
        append_jsonl(run / "metrics.jsonl", {"samples": 3 * look + 4, "step": look, "watch": seen})
    return run


def test_a_run_in_which_nothing_is_wrong(belamy: Command, trained: Path) -> None:
    said = belamy("diagnose", trained)
    assert said.returncode == 0
    assert "Nothing is wrong that the watch can see (64 training samples, 0 looks" in said.stdout


def test_a_collapse_is_named_with_commands_to_paste(belamy: Command, collapsed: Path) -> None:
    said = belamy("diagnose", collapsed)
    assert said.returncode == 0
    assert "SEVERE: mode collapse" in said.stdout
    assert f"belamy train --resume-from {collapsed} --generator-optimizer.lr " in said.stdout
    assert f"--train-samples {2 * 64}\n" in said.stdout, "the run is finished, so more is to be seen"


def test_the_same_as_json(belamy: Command, collapsed: Path, tmp_path: Path) -> None:
    facts = json.loads(belamy("diagnose", collapsed, "--json", "-").stdout)
    assert facts["looks"] == 20 and facts["findings"][0]["sign"] == "mode-collapse"
    assert facts["findings"][0]["remedies"][0]["command"].startswith("belamy train --resume-from")
    assert belamy("diagnose", collapsed, "--json", tmp_path / "found.json").returncode == 0
    assert json.loads((tmp_path / "found.json").read_text()) == facts


def test_what_was_known_early(belamy: Command, collapsed: Path) -> None:
    facts = json.loads(belamy("diagnose", collapsed, "--at", "0.2", "--json", "-").stdout)
    assert facts["samples"] <= 0.2 * 64 and not facts["findings"]


def test_nothing_is_written(belamy: Command, collapsed: Path) -> None:
    before = {path: path.read_bytes() for path in collapsed.rglob("*") if path.is_file()}
    belamy("diagnose", collapsed)
    assert before == {path: path.read_bytes() for path in collapsed.rglob("*") if path.is_file()}


def test_a_stopped_run_is_diagnosed_in_its_report(belamy: Command, photos: Path, tmp_path: Path) -> None:
    words = ["--data", str(photos), "--size", "8", "--generator", "dense-fashion", "--discriminator", "dense-fashion"]
    rates = ["--generator-optimizer", "sgd:lr=1e30", "--discriminator-optimizer", "sgd:lr=1e30"]
    out = tmp_path / "stopped"
    said = belamy("train", "dcgan-mnist", *words, *rates, "--samples", "640", "--batch", "4", "--out", out,
                  "--no-progress", "--device", "cpu")  # fmt: skip
    assert said.returncode == 3
    assert "SEVERE: not finite" in belamy("diagnose", out).stdout
    assert belamy("report", out).returncode == 0
    page = (out / "report.html").read_text()
    assert "Diagnosis" in page and "Not finite" in page and f"belamy train --like {out}" in page
    typed = shlex.split(said.stderr.split("`")[1])
    assert typed[:4] == ["belamy", "train", "--like", str(out)] and "--discriminator-optimizer.lr" in typed
    assert belamy(*typed[1:], "--out", tmp_path / "again", "--no-progress").returncode == 3, "it is still too high"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "does not exist"),
        ([], "RUN is missing"),
        (["{run}", "--at", "0"], "--at is 0, but it must be above 0 and at most 1."),
        (["{run}", "--at", "half"], "--at is 'half', but it must be a number"),
        (["{run}", "--jason", "x"], "Did you mean '--json'"),
        (["{run}", "twice"], "'twice' is not expected there"),
    ],
)
def test_wrong_uses(belamy: Command, trained: Path, words: list[str], says: str) -> None:
    said = belamy("diagnose", *(word.replace("{run}", str(trained)) for word in words))
    assert said.returncode == 2
    assert says in said.stderr and said.stderr.count("\n") == 1
