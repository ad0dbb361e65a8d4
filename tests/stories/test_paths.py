"""``belamy walk``, ``manifold`` and ``arithmetic``: the pictures, the facts, and what they say to wrong uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from belamy.cli import main
from stories.conftest import Command


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A run of a variational autoencoder."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    words = ["train", "vae-mnist", "--data", str(photos), "--size", "8", "--samples", "32", "--batch", "8"]
    assert main([*words, "--latent", "3", "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A run of an autoencoder, which draws no samples."""
    out = tmp_path_factory.mktemp("runs") / "autoencoder"
    words = ["train", "autoencoder-mnist", "--data", str(photos), "--size", "8", "--samples", "32", "--batch", "8"]
    assert main([*words, "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


@pytest.mark.parametrize("path", ["prior", "linear", "slerp", "even"])
def test_a_walk_between_seeds(belamy: Command, trained: Path, path: str) -> None:
    said = belamy("walk", trained, "--seeds", "0", "4", "2", "--path", path, "--steps", "3", "--json", "facts.json")
    assert said.returncode == 0, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert facts["frames"] == 7 and facts["keys"] == ["seed 0", "seed 4", "seed 2"] and len(facts["step_lengths"]) == 6
    with Image.open("walk.png") as strip:
        assert strip.width == 2 + 7 * 58


@pytest.mark.parametrize(("kind", "frames"), [("gif", 6), ("webp", 6)])
def test_a_film_of_a_loop(belamy: Command, trained: Path, kind: str, frames: int) -> None:
    said = belamy("walk", trained, "--steps", "2", "--loop", "--out", f"w.{kind}")
    assert said.returncode == 0, said.stderr
    with Image.open(f"w.{kind}") as film:
        assert film.n_frames == frames and film.info["loop"] == 0  # type: ignore[attr-defined]


def test_a_walk_through_classes_and_pictures(belamy: Command, encoder: Path, photos: Path) -> None:
    assert belamy("walk", encoder, "--labels", "cats", "dogs", "--out", "a.png").returncode == 0
    files = sorted(photos.rglob("*.png"))[:2]
    said = belamy("walk", encoder, "--images", *files, "--json", "-", "--out", "b.png")
    assert json.loads(said.stdout)["keys"] == [file.name for file in files]


def test_pictures_without_an_encoder_are_found_by_optimisation(belamy: Command, trained: Path, photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))[:2]
    said = belamy("walk", trained, "--images", *files, "--steps", "2", "--json", "-")
    assert said.returncode == 0 and json.loads(said.stdout)["keys"] == [file.name for file in files], said.stderr
    said = belamy("arithmetic", trained, f"seed(3) + 0.5 * (image('{files[0]}') - image('{files[1]}'))", "--json", "-")
    assert said.returncode == 0 and len(json.loads(said.stdout)["operands"]) == 3, said.stderr


def test_maps(belamy: Command, encoder: Path) -> None:
    said = belamy("manifold", encoder, "--axes", "0", "2", "--json", "-")
    facts = json.loads(said.stdout)
    assert facts["axes"] == [0, 2] and round(facts["coordinates"]["2"][0], 5) == -1.64485
    assert (facts["width"], facts["height"]) == (120, 120)
    rows = belamy("manifold", encoder, "--traverse", "--count", "5", "--out", "t.png", "--json", "-")
    assert json.loads(rows.stdout)["axes"] == [0, 1, 2]
    assert belamy("manifold", encoder, "--scatter", "--out", "s.png").returncode == 0


def test_sums(belamy: Command, encoder: Path, photos: Path) -> None:
    file = next(photos.rglob("*.png"))
    text = f"mean(cats) - mean(dogs) + 0.5 * (seed(3) + image('{file}'))"
    said = belamy("arithmetic", encoder, text, "--members", "3", "--json", "facts.json")
    assert said.returncode == 0 and "mean(cats): 3 of 1" in said.stdout, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert [each["images"] for each in facts["operands"]] == [3, 3, 1, 1] and len(facts["latent"]) == 3
    again = belamy("arithmetic", encoder, "seed(3)")
    assert again.returncode == 2 and "type --overwrite" in again.stderr.replace("Type", "type")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["walk", "{run}", "--seeds", "3"], "names one thing alone, but a walk needs 2"),
        (["walk", "{run}", "--seeds", "1", "2", "--labels", "cats", "dogs"], "keys of two kinds"),
        (["walk", "{run}", "--seeds", "1", "-2"], "-2"),
        (["walk", "{run}", "--steps", "0"], "--steps is 0"),
        (["walk", "{run}", "--out", "walk.jpg"], ".png or .gif or .webp or .mp4"),
        (["walk", "{run}", "--images", "a.png", "b.png"], "cannot be opened"),
        (["walk", "{run}", "--label", "cats"], "Leave --label out"),
        (["walk", "{encoder}", "--labels", "cats", "birds"], "no class 'birds'"),
        (["walk", "{plain}"], "draws no samples"),
        (["manifold", "{run}", "--scatter"], "has no encoder"),
        (["manifold", "{run}", "--axes", "0", "4"], "no latent axis 4"),
        (["manifold", "{run}", "--axes", "1"], "names 1, but a plane has 2"),
        (["manifold", "{run}", "--scatter", "--traverse"], "two pictures"),
        (["manifold", "{run}", "--count", "1"], "in 2..64"),
        (["manifold", "{plain}"], "draws no samples"),
        (["arithmetic", "{encoder}", "mean(cats"], "mean( is not closed"),
        (["arithmetic", "{encoder}", "mean(cast)"], "Did you mean 'cats'"),
        (["arithmetic", "{encoder}", "cats", "--members", "0"], "at least 1"),
        (["arithmetic", "{encoder}", "cats * dogs"], "no product"),
        (["arithmetic", "{plain}", "cats"], "draws no samples"),
        (["arithmetic", "{encoder}"], "EXPRESSION is missing"),
    ],
)
def test_wrong_uses(belamy: Command, trained: Path, encoder: Path, plain: Path, words: list[str], says: str) -> None:
    runs = {"{run}": str(trained), "{encoder}": str(encoder), "{plain}": str(plain)}
    said = belamy(*(runs.get(word, word) for word in words))
    assert said.returncode == 2
    assert says in said.stderr and said.stderr.count("\n") == 1, said.stderr
