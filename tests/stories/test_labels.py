"""Classes with numbers for names: a name goes before a number, and which class was meant is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import belamy as library
from stories.conftest import SMALL, Command


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A run whose classes are called 1 and 2, the first of which has no number 2."""
    data = tmp_path_factory.mktemp("numbered")
    for number, name in (("1", "cats"), ("2", "dogs")):
        shutil.copytree(photos / name, data / "data" / number)
    options = dict(zip((word[2:] for word in SMALL[::2]), SMALL[1::2], strict=True)) | {"latent": 4, "batch": 4}
    library.train("digits", data=str(data / "data"), size=8, train_samples=8, out=data / "run", progress=False,
                  watch=False, device="cpu", **options)  # fmt: skip
    return data / "run"


def test_a_name_goes_before_a_number(belamy: Command, numbered: Path) -> None:
    told = {}
    for label in ("0", "1", "2"):
        done = belamy("sample", numbered, "--label", label, "--out", f"{label}.npz", "--json", f"{label}.json")
        assert done.returncode == 0, done.stderr
        told[label] = json.loads(Path(f"{label}.json").read_text())["class"]
        assert ("class number 0, '1'" in done.stdout) == (label == "0")
    assert told == {"0": "1", "1": "1", "2": "2"}
    run = library.open(numbered)
    with np.load("2.npz") as file:
        pixels = torch.from_numpy(file["images"]).permute(0, 3, 1, 2)
    assert torch.equal(run.sample(64, labels="2"), pixels) and torch.equal(run.sample(64, labels=1), pixels)


def test_data_without_labels_are_said_aloud(belamy: Command, noise_file: Path) -> None:
    words = ["--data", noise_file, "--size", "8", *SMALL, "--samples", "8", "--device", "cpu"]
    done = belamy("train", "acgan-mnist", *words, "--out", "run")
    assert done.returncode == 0 and "has no labels, so generator_condition and auxiliary" in done.stdout, done.stdout


def test_a_run_shows_itself_in_a_notebook(numbered: Path, tmp_path: Path) -> None:
    run = library.open(shutil.copytree(numbered, tmp_path / "<b>run"))
    shown = run._repr_html_()
    assert "&lt;b&gt;run" in shown and "<b>run" not in shown and "data:image/png;base64," in shown
