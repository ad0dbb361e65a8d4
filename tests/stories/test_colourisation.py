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


GUIDED = ["train", "colourisation", "--data", "avatars-16", "--form", "values", "--hints", "5", "--palette", "3"]
GUIDED += ["--generator", "user-guided:width=2,halvings=1", "--batch", "4", "--no-progress", "--device", "cpu"]
GUIDED += ["--adversarial-weight", "1", "--discriminator", "patch-gan:width=2,receptive-field=1"]


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run against a discriminator that is told hints and palettes."""
    out = tmp_path_factory.mktemp("runs") / "guided"
    assert main([*GUIDED, "--samples", "32", "--out", str(out)]) == 0
    return out


def test_hints_and_palettes_change_what_is_made(guided: Path, belamy: Command, tmp_path: Path) -> None:
    """In 16 bits, for so short a run tells little of a palette."""
    Image.fromarray(np.arange(273, dtype=np.uint16).reshape(13, 21) * 200).save(tmp_path / "grey.png")
    made = []
    for number, words in enumerate((
        (), ("--hint", "3,4=#ff0000"), ("--hint", "3,4=red"), ("--hint", "3,4=#f00", "20,12=blue"),
        ("--palette", "#e33 #fa0"), ("--palette", "#e33", "#fa0"), ("--palette", "#e33", "--hint", "3,4=red"),
    )):  # fmt: skip
        done = belamy("translate", guided, "grey.png", "--out", f"{number}.png", *words)
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / f"{number}.png") as image:
            assert (image.size, image.mode) == ((21, 13), "RGB")
        made.append((tmp_path / f"{number}.png").read_bytes())
    assert made[1] == made[2] and made[4] == made[5] and len(set(made)) == 5
    tiled = belamy("translate", guided, "grey.png", "--out", "t.png", "--hint", "3,4=red", "--tile", 16, "--overlap", 4)
    assert tiled.returncode == 0, tiled.stderr


def test_a_guided_run_that_was_killed_goes_on_as_if_nothing_had_been(
    belamy: Command, tmp_path: Path, broken_off: Callable[..., None]
) -> None:
    words = [*GUIDED, "--samples", "48"]
    assert belamy(*words, "--out", "whole").returncode == 0
    broken_off(words, "broken", 7)
    one, other = (Run.open(tmp_path / name).method().state_dict() for name in ("whole", "broken"))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("which", "words", "says"),
    [
        ("guided", "grey.png --hint 21,0=red", "The hint 21,0=#ff0000 lies outside of grey.png, which is 21x13"),
        ("guided", "grey.png --hint 0,13=red", "columns are 0 to 20, rows 0 to 12"),
        ("guided", "grey.png --hint -1,3=red", "'-1,3=red' is no hint: write COLUMN,ROW=COLOUR, e.g. 12,34=#ff0000"),
        ("guided", "grey.png --hint 1.5,3=red", "'1.5,3=red' is no hint"),
        ("guided", "grey.png --hint 3=red", "'3=red' is no hint"),
        ("guided", "grey.png --hint 3,4", "'3,4' is no hint"),
        ("guided", "grey.png --hint 3,4=", "'' is no colour: write #ff0000, #f00 or a name, e.g. red"),
        ("guided", "grey.png --hint 3,4=#ff00", "'#ff00' is no colour"),
        ("guided", "grey.png --palette reddish", "'reddish' is no colour"),
        ("guided", "grey.png --palette #12345g", "'#12345g' is no colour"),
        ("guided", "grey.png --palette #ff000080", "'#ff000080' is no colour"),
        ("guided", "grey.png --palette red lime blue white", "has 4 colours, but this run learned from up to 3"),
        ("guided", "grey.png --hint 3,4=red --size 32", "is at a pixel of its picture, which --size would move"),
        ("guided", "test --hint 3,4=red", "A hint belongs to one picture, but test is many"),
        ("guided", "grey.png --mask grey.png", "fills no holes. Leave out --mask"),
        ("guided", "grey.png --back", "which translates one way only"),
        ("run", "grey.png --hint 3,4=red", "This run takes no --hint: it was not told such colours while it learned"),
        ("run", "grey.png --palette red", "colourisation with --generator user-guided --palette 8"),
    ],
)
def test_colours_that_cannot_be_told_are_refused(
    which: str, words: str, says: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Image.new("L", (21, 13)).save("grey.png")
    capsys.readouterr()
    run = request.getfixturevalue(which)
    assert main(["translate", str(run), *words.split(), "--device", "cpu", "--out", "made"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert says in said and "Traceback" not in said and sorted(tmp_path.iterdir()) == [tmp_path / "grey.png"]


def test_grey_data_are_refused(belamy: Command, tmp_path: Path) -> None:
    done = belamy(*TRAIN, "--channels", "1", "--out", "never")
    assert done.returncode == 2 and "Type --channels 3" in done.stderr and not (tmp_path / "never").exists()
