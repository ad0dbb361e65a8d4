"""Life with a model that knows how likely pictures are: train, score, continue, sample, and what it refuses."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as library
from belamy.cli import main
from stories.conftest import Command

NETWORK = ["--network", "gated-pixel-cnn:width=4,depth=2,first=3"]


@pytest.fixture(scope="session")
def density(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A short run of a conditional model."""
    out = tmp_path_factory.mktemp("density") / "run"
    words = ["train", "conditional-pixel-cnn", "--data", str(photos), "--size", "8", *NETWORK, "--samples", "128"]
    assert main([*words, "--snapshots", "2", "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


def test_it_is_scored(belamy: Command, density: Path, photos: Path) -> None:
    said = belamy("score", density, "train", "--out", "each.csv", "--json", "facts.json", "--no-progress")
    assert said.returncode == 0 and "bits per dimension" in said.stdout
    assert "the likelihood itself, of pictures binarised once, each pixel white with the prob" in said.stdout
    facts = json.loads(Path("facts.json").read_text())
    assert facts["likelihood"] == "exact" and facts["of"].startswith("pictures binarised once")
    assert facts["bits_per_dimension"] == pytest.approx(facts["nats"] / 64 / math.log(2), rel=1e-5)
    rows = list(csv.DictReader(Path("each.csv").read_text().splitlines()))
    assert len(rows) == facts["samples"] and float(rows[0]["nats"]) == pytest.approx(facts["each"][0]["nats"], abs=1e-5)
    others = belamy("score", density, photos, "--no-progress")
    assert others.returncode == 0 and "24 samples" in others.stdout


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A short run of a model that is told no classes."""
    out = tmp_path_factory.mktemp("density") / "made"
    words = ["train", "made-mnist", "--data", str(photos), "--size", "8", "--hidden", "16", "--samples", "256"]
    words += ["--batch", "8", "--optimizer.lr", "0.02", "--snapshots", "1", "--no-watch", "--no-progress"]
    assert main([*words, "--out", str(out), "--device", "cpu"]) == 0
    return out


@pytest.fixture
def blank() -> Path:
    """Pictures of nothing, but for a corner."""
    folder = Path("blank")
    folder.mkdir()
    for number in range(6):
        pixels = np.zeros((8, 8), dtype=np.uint8)
        pixels[0, : number + 1] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_some_of_the_data_are_scored(belamy: Command, plain: Path) -> None:
    """As they are scored among all, and others by another seed."""
    every = {row["name"]: row["nats"] for row in library.score(plain, "all").facts()["each"]}
    words = ("score", plain, "all", "--count", "5", "--no-progress")
    for seed in ("0", "1"):
        said = belamy(*words, "--seed", seed, "--json", f"{seed}.json")
        assert said.returncode == 0, said.stderr
    first, second = (json.loads(Path(f"{seed}.json").read_text())["each"] for seed in "01")
    assert len(first) == len({row["name"] for row in first}) == 5
    assert all(row["nats"] == pytest.approx(every[row["name"]]) for row in first)
    assert {row["name"] for row in first} != {row["name"] for row in second}


def test_other_data_are_told_beside_its_own(belamy: Command, plain: Path, blank: Path) -> None:
    said = belamy("score", plain, "test", "--other", blank, "--json", "facts.json", "--no-progress", "--device", "cpu")
    assert said.returncode == 0, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    train, test, other = facts["beside"]
    assert train["data"].endswith("train") and test["data"].endswith("test") and other["samples"] == 6
    assert train["areas"] == test["areas"] == {}
    assert list(other["areas"]) == ["likelihood", "typicality", "complexity"]
    assert test["nats"][0] == pytest.approx(facts["nats"], rel=1e-3)
    assert other["bits_per_dimension"][0] == pytest.approx(other["nats"][0] / 64 / math.log(2))
    assert "by typicality" in said.stdout and f"{other['areas']['likelihood'][0]:.3f} (" in said.stdout


def test_anomalies_are_told_by_likelihoods(belamy: Command, plain: Path, blank: Path, photos: Path) -> None:
    words = ("anomaly", plain, blank, "--reference", photos, "--false-positives", "0.3", "--device", "cpu")
    said = belamy(*words, "--json", "facts.json")
    assert said.returncode == 0, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert facts["score"] == "typicality" and list(facts["areas"]) == ["likelihood", "typicality", "complexity"]
    assert "complexity: area under the ROC curve, against those normal images" in said.stdout
    again = belamy(*words, "--score", "likelihood", "--json", "again.json", "--out", "again.png")
    assert again.returncode == 0, again.stderr
    likely = json.loads(Path("again.json").read_text())
    assert likely["areas"] == facts["areas"] and likely["threshold"] != facts["threshold"]
    refused = belamy(*words[:3], "--score", "error", "--out", "c.png")
    assert refused.returncode == 2 and "no encoder" in refused.stderr


def test_a_picture_goes_on(belamy: Command, density: Path, photos: Path) -> None:
    picture = sorted(photos.rglob("*.png"))[0]
    words = ("continue", density, picture, "--label", "cats", "--no-progress")
    said = belamy(*words, "--count", "3", "--keep", "0.25")
    assert said.returncode == 0 and said.stdout.strip() == "continued.png: 1 picture(s), 2 rows given, 3 made of each"
    with Image.open("continued.png") as sheet:
        assert sheet.width > 5 * 8
    assert belamy(*words).returncode == 2  # the sheet is there
    pixels = torch.from_numpy(np.asarray(Image.open(picture)).copy())[None, None]
    made = library.complete(density, pixels, keep=0.25, count=3, label="cats")
    assert made.made.shape == (1, 3, 1, 8, 8) and set(made.made.unique().tolist()) <= {0, 255}
    assert torch.equal(made.made[:, :, :, :2], made.given[:, None, :, :2].expand(1, 3, 1, 2, 8))
    again = library.complete(density, pixels.expand(2, 1, 8, 8), keep=0.25, count=3, label="cats", seed=0)
    assert torch.equal(again.made[0], made.made[0]) and not torch.equal(made.made[0, 0], made.made[0, 1])
    held = belamy("continue", density, "test:0..1", "--count", "2", "--out", "held.png", "--no-progress")
    assert held.returncode == 0 and "2 picture(s), 4 rows given" in held.stdout


def test_samples_depend_on_their_number_alone(density: Path) -> None:
    run = library.open(density)
    whole = run.sample(5, seed=1)
    assert set(whole.unique().tolist()) == {0, 255} and torch.equal(whole[3:], run.sample(2, seed=1, start=3))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["continue", "RUN", "PICTURE", "--keep", "1"], "which leaves none of 8 rows"),
        (["continue", "RUN", "PICTURE", "--keep", "1.5"], "--keep is 1.5"),
        (["continue", "RUN", "PICTURE", "--count", "65"], "count is 65"),
        (["continue", "RUN", "PICTURE", "--length", "5"], "--length, --top-k and --top-p are of texts"),
        (["continue", "RUN", "PICTURE", "--label", "hens"], "There is no class 'hens'"),
        (["continue", "RUN", "PICTURE", "--out", "a.txt"], "must end in .png"),
        (["continue", "RUN", "nowhere.png"], "nowhere.png"),
        (["continue", "GAN", "PICTURE"], "continue needs a run that draws pictures pixel by pixel"),
        (["sample", "RUN", "--steps", "5"], "--steps chooses nothing"),
        (["train", "gated-pixel-cnn", "--binarisation", "dither"], "binarisation"),
        (["train", "gated-pixel-cnn", "--likelihood", "categorical:levels=300"], "2 to 256 levels"),
        (["train", "gated-pixel-cnn", "--network", "gru"], "no model of pixels 'gru'"),
    ],
)
def test_wrong_uses(belamy: Command, density: Path, trained: Path, photos: Path, words: list[str], says: str) -> None:
    given: dict[str, Any] = {"RUN": density, "GAN": trained, "PICTURE": sorted(photos.rglob("*.png"))[0]}
    said = belamy(*(given.get(word, word) for word in words), "--no-progress")
    assert said.returncode == 2 and says in said.stderr
