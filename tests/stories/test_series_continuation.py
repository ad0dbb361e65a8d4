"""Series go on from their first steps: sheets, tables of numbers, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as library
from belamy.cli import main
from stories.conftest import Command

DATA = "sines:count=60,steps=12,channels=2"


@pytest.fixture(scope="module")
def sines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    out = tmp_path_factory.mktemp("series") / "run"
    words = ["train", "linear-autoregressive", "--data", DATA, "--order", "3", "--train-samples", "640"]
    assert main([*words, "--snapshots", "1", "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


def test_held_out_series_go_on(belamy: Command, sines: Path) -> None:
    said = belamy("continue", sines, "test:0..1", "--count", "3", "--keep", "0.5")
    assert said.returncode == 0
    assert said.stdout.strip() == "continued.png: 2 series, 6 steps given, 6 made, 3 times each"
    with Image.open("continued.png") as sheet:
        assert sheet.width > sheet.height
    words = ("continue", sines, "test:0", "--count", "2", "--length", "4", "--out", "on.csv", "--json", "facts.json")
    assert belamy(*words).returncode == 0
    rows = list(csv.DictReader(Path("on.csv").read_text().splitlines()))
    assert [(row["name"], row["number"], row["step"]) for row in rows] == [
        ("test:0", str(number), str(step)) for number in range(2) for step in range(6, 10)]  # fmt: skip
    assert {"sine1", "sine2"} < set(rows[0]) and json.loads(Path("facts.json").read_text())["steps"] == 6
    data = library.open(sines).spec.field
    assert data.shape == (12, 2)


def test_what_is_made_depends_on_the_seed_and_begins_as_given(sines: Path) -> None:
    series = torch.from_numpy(np.sin(np.arange(24, dtype=np.float32)).reshape(1, 12, 2) / 2)
    made = library.continue_series(sines, series, count=3, keep=0.25)
    assert made.made.shape == (1, 3, 12, 2)
    torch.testing.assert_close(made.made[:, :, :3], series[:, None, :3].expand(1, 3, 3, 2))
    again = library.continue_series(sines, series.expand(2, 12, 2), count=3, keep=0.25)
    torch.testing.assert_close(again.made[0], made.made[0])
    assert not torch.equal(made.made[0, 0], made.made[0, 1])
    expected = library.continue_series(sines, series, count=2, keep=0.25, temperature=0, length=20).made
    assert expected.shape == (1, 2, 23, 2) and torch.equal(expected[0, 0], expected[0, 1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test:0", "--label", "a"), "this run makes series. Leave them out"),
        (("test:0", "--keep", "1"), "leaves none of 12 steps to make"),
        (("test:900",), "must lie in test:0..5"),
        (("hello",), "type test:3 or test:0..7"),
    ],
)
def test_what_cannot_go_on_is_refused(belamy: Command, sines: Path, words: tuple[str, ...], said: str) -> None:
    found = belamy("continue", sines, *words)
    assert found.returncode == 2 and said in " ".join(found.stderr.split()) and not Path("continued.png").exists()
