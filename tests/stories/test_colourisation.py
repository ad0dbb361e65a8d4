"""Grey pictures get colours: train, kill, resume, translate files of any size, choose how bold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.cli import main
from belamy.runs.run import Run
from stories.conftest import Command

TRAIN = ["train", "colourisation", "--data", "avatars-16", "--generator", "zhang:width=2,halvings=1", "--batch", "4"]
TRAIN += ["--no-progress", "--device", "cpu"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main([*TRAIN, "--samples", "32", "--out", str(out)]) == 0
    return out


def test_a_grey_picture_of_any_size_gets_colours(run: Path, belamy: Command, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((11, 7)).save(tmp_path / "grey.png")
    made = []
    for number, words in enumerate(((), ("--temperature", 0.38), ("--temperature", 0.02))):
        out = tmp_path / f"{number}.png"
        assert belamy("translate", run, "grey.png", "--out", out, *words).returncode == 0
        with Image.open(out) as image:
            assert (image.size, image.mode) == ((11, 7), "RGB")
            made.append(np.asarray(image, float))
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[1], made[2])
    assert belamy("translate", run, "grey.png", "--out", "no.png", "--temperature", 0).returncode == 2


def test_held_out_pictures_are_measured_beside_their_grey_selves(run: Path, belamy: Command, tmp_path: Path) -> None:
    assert belamy("translate", run, "test", "--out", "made", "--json", "facts.json").returncode == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["measures"]["psnr"]["untouched"][0] > 10 and facts["temperature"] == 0.38


def test_colour_becomes_grey_first_and_is_said(run: Path, belamy: Command, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (200, 40, 40)).save(tmp_path / "red.png")
    done = belamy("translate", run, "red.png", "--out", "made.png")
    assert "1 picture(s) in colour became grey, as this run's inputs are" in done.stdout


def test_a_run_that_was_killed_goes_on_as_if_nothing_had_been(
    belamy: Command, tmp_path: Path, broken_off: Callable[..., None]
) -> None:
    words = [*TRAIN, "--samples", "48"]
    assert belamy(*words, "--out", "whole").returncode == 0
    broken_off(words, "broken", 7)
    one, other = (Run.open(tmp_path / name).method().state_dict() for name in ("whole", "broken"))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_grey_data_are_refused(belamy: Command, tmp_path: Path) -> None:
    done = belamy(*TRAIN, "--channels", "1", "--out", "never")
    assert done.returncode == 2 and "Type --channels 3" in done.stderr and not (tmp_path / "never").exists()
