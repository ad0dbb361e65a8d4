"""An attack on speaker recognition as a user sees it: trained, then unmasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stories.conftest import Command

TINY = ["--length", "512", "--generator", "convolutional-recurrent:width=4,memory=4,layers=2,frame=64"]
WORDS = ["train", "speaker-attack", *TINY, "--train-samples", "16", "--batch", "8", "--snapshots", "1"]


def test_the_defence_is_told_what_the_attack_does_and_whether_it_shows(belamy: Command, tmp_path: Path) -> None:
    done = belamy(*WORDS, "--data", "drums:count=320", "--speaker", "hat", "--snr", "25", "--out", "run")
    assert done.returncode == 0, done.stderr
    seen = belamy("unmask", "run", "--count", "40", "--json", "facts.json")
    assert seen.returncode == 0, seen.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    held = facts["held_out"]
    assert {"mistaken", "untouched-mistaken", "noise-mistaken", "taken-for-target"} <= held.keys()
    assert held["perturbation-snr"] >= 25 - 1e-3 and held["noise-mistaken"] <= 1
    assert f"held-out mistaken: {held['mistaken']:.4g}" in seen.stdout and "caught" in seen.stdout
    assert "held-out taken-for-target" in (tmp_path / "run" / "unmask.html").read_text(encoding="utf-8")
    made = belamy("translate", "run", "test", "--out", "made")
    assert made.returncode == 0 and "white-noise" in made.stdout, made.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "drums:count=40", "--speaker", "bell"], "There is no speaker 'bell'"),
        (["--data", "drums:count=40", "--rate", "8000"], "Type --rate 16000"),
        (["--data", "mnist"], "mnist"),
    ],
)
def test_wrong_uses(belamy: Command, words: list[str], said: str) -> None:
    done = belamy(*WORDS, *words)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
