"""Two sides that are no pairs from the first word to the last: train, kill, resume, translate there and back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy as package
from belamy.cli import main
from belamy.runs.run import Run
from stories.conftest import Command

NETWORKS = [
    *("--generator", "resnet-translator:width=2,blocks=1"),
    *("--discriminator", "patch-gan:width=2,receptive-field=16"),
]
REST = ["--no-progress", "--device", "cpu", "--batch", "4"]


def noise(number: int, width: int, height: int, channels: int) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 grey pictures of 32x24 pixels in ``grey`` and 31 in colour in ``colour``."""
    folder = tmp_path_factory.mktemp("sides")
    for side, channels, count in (("grey", 1, 24), ("colour", 3, 31)):
        (folder / side).mkdir()
        for number in range(count):
            noise(number + 100 * channels, 32, 24, channels).save(folder / side / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, sides: Path) -> Path:
    """A finished run of CycleGAN between grey and colour."""
    out = tmp_path_factory.mktemp("runs") / "run"
    data = ["--data", str(sides / "grey"), "--other", str(sides / "colour"), "--size", "native", "--samples", "32"]
    assert main(["train", "cyclegan", *NETWORKS, *REST, *data, "--out", str(out)]) == 0
    return out


def shape(path: Path) -> tuple[int, ...]:
    with Image.open(path) as image:
        return np.shape(np.asarray(image))


def test_there_and_back(run: Path, sides: Path, belamy: Command, tmp_path: Path) -> None:
    assert belamy("translate", run, sides / "grey/03.png", "--out", "there.png").returncode == 0
    assert shape(tmp_path / "there.png") == (24, 32, 3)
    assert belamy("translate", run, "--back", sides / "colour/03.png", "--out", "back.png").returncode == 0
    assert shape(tmp_path / "back.png") == (24, 32)
    words = ["translate", run, "--back", sides / "colour", "--targets", sides / "colour", "--out", "made"]
    facts = belamy(*words, "--json", "facts.json")
    assert "31 translation(s)" in facts.stdout
    assert json.loads((tmp_path / "facts.json").read_text())["back"] is True


def test_held_out_pictures_of_either_side_have_no_targets(run: Path, belamy: Command, tmp_path: Path) -> None:
    said = belamy("translate", run, "test", "--out", "there").stdout
    assert "2 translation(s)" in said and "l1" not in said
    said = belamy("translate", run, "test", "--back", "--out", "back").stdout
    assert "3 translation(s)" in said and "l1" not in said
    made = [path for path in (tmp_path / "back").glob("*.png") if path.name != "sheet.png"]
    assert {shape(path) for path in made} == {(24, 32)}


def test_python_users_call_it_too(run: Path, sides: Path) -> None:
    made = package.translate(run, sides / "colour", back=True)
    assert len(made) == 31 and made.items[0].made.shape == (1, 24, 32)
    assert made.source.shape[0] == 3 and made.target.shape[0] == 1


def test_the_report_shows_both_ways_and_promises_no_targets(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "Held-out inputs, what is made of them after" in page and "their targets" not in page


def test_one_set_is_both_sides(belamy: Command, tmp_path: Path) -> None:
    data = ["--data", "avatars-16", "--size", "16", "--labels", "glasses", "--samples", "8"]
    words = ["train", "cyclegan", *NETWORKS, *REST, *data, "--only", "no", "--against", "yes", "--out", "run"]
    assert belamy(*words).returncode == 0
    data = Run.open(tmp_path / "run").recipe
    assert (data.only, data.against) == ("no", "yes")
    assert belamy("translate", "run", "test", "--back", "--out", "made").returncode == 0
    judged = belamy(
        "evaluate", "run", "--metrics", "kernel", "--extractor", "pixels", "--count", "20", "--device", "cpu"
    )
    assert judged.returncode == 0 and "cycle-inverse" in judged.stdout
    assert "N=881/20" in judged.stdout, "translations are compared with all faces with glasses, of which there are 881"


WRONG = [
    (
        "train cyclegan --data {sides}/grey --out new",
        "Give a second side: --other FOLDER, or another class of the same",
    ),
    (
        "train cut --data {sides}/grey --other {sides}/colour --size 32 --out new",
        "Type --channels 3, or train cyclegan",
    ),
    (
        "train cyclegan-small --data {sides}/colour --out new",
        "Type the second side too, --other FOLDER, or --other avatars-16 to keep it.",
    ),
    ("train --like {run} --data {sides}/colour --out new", "/colour to keep it."),
    (
        "compare cut-small --data {sides}/colour --seeds 1 --samples 8 --out new",
        "Type the second side too, --other FOLDER, or --other avatars-16 to keep it.",
    ),
    ("train cyclegan --data {sides}/grey --other nowhere --out new", "There is no data source 'nowhere'"),
    ("train cyclegan --data {sides}/grey --other avatars-16 --out new", "Type --size"),
    ("train cyclegan --data avatars-16 --against yes --out new", "--only has to name another class"),
    ("train cyclegan --data avatars-16 --labels hat --only no --against maybe --out new", "has no class 'maybe'"),
    ("train cyclegan --data avatars-32 --other avatars-32 --semantic-weight 1 --out new", "its data have no labels"),
    (
        "train cut --data avatars-16 --other avatars-16 --generator u-net --out new",
        "Type --generator resnet-translator",
    ),
    ("train cyclegan --data avatars-16 --other avatars-16 --pool -1 --out new", "--pool"),
    ("train cut --data avatars-16 --other avatars-16 --patches 1 --out new", "--patches"),
    ("train cut --data avatars-16 --other avatars-16 --temperature 0 --out new", "--temperature"),
    (
        "train cyclegan --data avatars-16 --other avatars-16 --generator resnet-translator:padding=mirror --out new",
        "padding is 'mirror'",
    ),
    ("translate {pairs} {sides}/grey --back --out made", "translates one way only: 'image' into 'target'"),
    ("translate {run} --back --out made", "Nothing is given to translate"),
    ("sample {run} --out made", "draws no samples: it makes the field 'other' of the field 'image'"),
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a method that goes one way only."""
    out = tmp_path_factory.mktemp("runs") / "pairs"
    networks = ["--generator", "u-net:width=2,depth=2", "--discriminator", "patch-gan:width=2"]
    words = ["train", "pix2pix", *networks, *REST, "--data", "outlines:count=20", "--samples", "4"]
    assert main([*words, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_uses_are_answered(
    words: str, message: str, run: Path, sides: Path, pairs: Path, belamy: Command, tmp_path: Path
) -> None:
    done = belamy(*shlex.split(words.format(run=run, sides=sides, pairs=pairs)), "--device", "cpu")
    said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert done.returncode == 2 and message in said, said
    assert "Traceback" not in said and not (tmp_path / "new").exists() and not (tmp_path / "made").exists()
