"""``belamy directions`` and ``belamy edit``: from a run to steps, pictures and pages, and what wrong uses are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.cli import main
from belamy.runs.files import load_tensors
from stories.conftest import SMALL, Command


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars without labels, thin and thick."""
    folder = tmp_path_factory.mktemp("bars")
    bars = np.zeros((48, 8, 8), np.uint8)
    for index, bar in enumerate(bars):
        bar[1:7, 2 : 3 + index % 4] = 200
    np.save(folder / "bars.npy", bars)
    return folder / "bars.npy"


QUIET = ["--no-progress", "--no-watch", "--snapshots", "1", "--device", "cpu"]


@pytest.fixture(scope="session")
def vae(bars: Path) -> Path:
    """A variational autoencoder of bars."""
    words = ["train", "vae-digits", "--data", str(bars), "--encoder", "vae-digits:width=2,hidden=16"]
    words += ["--decoder", "vae-digits:width=2,hidden=16", "--latent", "3", "--batch", "16", "--samples", "800"]
    assert main([*words, "--out", str(bars.parent / "vae"), *QUIET]) == 0
    return bars.parent / "vae"


@pytest.fixture(scope="session")
def gan(bars: Path) -> Path:
    """A GAN of bars, without an encoder."""
    words = ["train", "dcgan-mnist", "--data", str(bars), *SMALL, "--samples", "64"]
    assert main([*words, "--out", str(bars.parent / "gan"), *QUIET]) == 0
    return bars.parent / "gan"


QUICK = ["--observed", "8", "--examples", "2", "--device", "cpu"]


def test_directions_of_an_encoder(belamy: Command, vae: Path, tmp_path: Path) -> None:
    said = belamy("directions", vae, "--attribute", "thickness", "width", "--alphas", "-2..2", "--steps", "5", *QUICK,
                  "--out", tmp_path / "found", "--json", tmp_path / "facts.json")  # fmt: skip
    assert said.returncode == 0 and "2 directions and their page" in said.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["leakage"]["alphas"] == [-2, -1, 0, 1, 2]
    assert facts["leakage"]["observers"] == ["thickness", "width", "slant"]
    assert {"with", "without", "apart"} == set(facts["found"]["thickness"])
    vectors = load_tensors(tmp_path / "found" / "directions.safetensors", None)
    assert {name: tuple(vector.shape) for name, vector in vectors.items()} == {"thickness": (3,), "width": (3,)}
    with Image.open(tmp_path / "found" / "width.png") as strip:
        assert strip.width == 2 + 5 * (56 + 2)
    page = (tmp_path / "found" / "index.html").read_text()
    assert page.count("data:image/png") == 2 and 'id="leakage"' in page
    again = belamy("directions", vae, *QUICK, "--out", tmp_path / "found")
    assert again.returncode == 2 and "type --overwrite" in again.stderr


@pytest.mark.parametrize("method", ["factorisation:count=2", "jacobian:count=2,rounds=2", "principal:count=2"])
def test_directions_without_names(belamy: Command, gan: Path, tmp_path: Path, method: str) -> None:
    said = belamy("directions", gan, "--method", method, "--steps", "3", *QUICK, "--out", tmp_path / "found")
    assert said.returncode == 0, said.stderr
    assert len(list((tmp_path / "found").glob("*.png"))) == 2


def test_a_gan_is_steered_by_what_measures_say_of_its_draws(belamy: Command, gan: Path, tmp_path: Path) -> None:
    picture = tmp_path / "bar.png"
    Image.new("L", (8, 8), 30).save(picture)
    said = belamy("edit", gan, picture, "--add", "brightness=1", "--steps", "2", "--out", tmp_path / "all",
                  "--device", "cpu")  # fmt: skip
    assert said.returncode == 0 and "inverted by optimisation" in said.stdout, said.stderr


def test_edit_a_picture_and_a_folder(belamy: Command, vae: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(3):
        Image.new("RGB", (20, 12), (80 * index, 0, 0)).save(folder / f"photo {index}.png")
    said = belamy("edit", vae, folder / "photo 1.png", "--add", "thickness=1.5", "--out", tmp_path / "one",
                  "--json", tmp_path / "facts.json", "--device", "cpu")  # fmt: skip
    assert said.returncode == 0 and "inverted by encoder at" in said.stdout
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["added"] == {"thickness": 1.5} and len(facts["psnr"]) == 1
    with Image.open(facts["files"][0]) as changed, Image.open(facts["sheet"]) as sheet:
        assert changed.size == (8, 8) and sheet.width == 2 + 3 * (96 + 2)
    said = belamy("edit", vae, folder, "--add", "thickness=1", "width=-1", "--invert", "hybrid", "--steps", "3",
                  "--out", tmp_path / "all", "--device", "cpu")  # fmt: skip
    assert said.returncode == 0 and "3 changed picture(s), inverted by hybrid" in said.stdout


def test_a_picture_is_only_inverted(belamy: Command, vae: Path, tmp_path: Path) -> None:
    Image.new("L", (8, 8), 30).save(tmp_path / "bar.png")
    said = belamy("edit", vae, "bar.png", "--json", "facts.json", "--device", "cpu")
    assert said.returncode == 0 and "1 inverted picture(s), inverted by encoder at" in said.stdout, said.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["added"] == {} and facts["labels"] is None and len(facts["psnr"]) == 1
    with Image.open(facts["files"][0]) as inverted, Image.open(facts["sheet"]) as sheet:
        made, given = np.asarray(inverted.convert("L"), float), np.full((8, 8), 30.0)
        assert sheet.width == 2 + 3 * (96 + 2)
        assert 10 * np.log10(255**2 / ((made - given) ** 2).mean()) == pytest.approx(facts["psnr"][0], abs=0.01)
        shown = np.asarray(sheet)[50, 2 + 2 * 98 + 6 :: 12][:8, 0]  # the fifth row of the map of errors
        assert (shown == np.abs(made - given)[4]).all()


@pytest.fixture(scope="session")
def conditional(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GAN that heeds labels: cats and dogs."""
    out = tmp_path_factory.mktemp("conditional") / "run"
    words = ["train", "cgan-mnist", "--data", str(photos), "--size", "8", *SMALL, "--samples", "256"]
    assert main([*words, "--out", str(out), *QUIET]) == 0
    return out


def test_a_picture_becomes_another_class(belamy: Command, conditional: Path, photos: Path, tmp_path: Path) -> None:
    quick = ["--steps", "8", "--tries", "2", "--device", "cpu", "--overwrite", "--json", tmp_path / "facts.json"]
    made = {}
    for words in (["--from-label", "cats"], ["--from-label", "cats", "--label", "dogs"], ["--label", "1"]):
        said = belamy("edit", conditional, photos / "cats" / "001.png", *words, *quick)
        assert said.returncode == 0, said.stderr
        made[" ".join(words)] = facts = json.loads((tmp_path / "facts.json").read_text())
        facts["pixels"] = np.asarray(Image.open(facts["files"][0]), int)
        assert "--from-label" not in words or facts["labels"] == ["cats"]
    same, told, searched = made.values()
    assert same["psnr"] == told["psnr"] and (same["pixels"] != told["pixels"]).any()
    assert searched["label"] == "1" and searched["labels"][0] in ("cats", "dogs")


def test_a_step_of_nothing_changes_nothing_and_a_saved_direction_is_taken(
    belamy: Command, vae: Path, tmp_path: Path
) -> None:
    belamy("directions", vae, "--attribute", "width", *QUICK, "--out", tmp_path / "found")
    words = ["edit", vae, "seed:4..5", "--directions", tmp_path / "found", "--device", "cpu"]
    for step in ("0", "3"):
        assert belamy(*words, "--add", f"width={step}", "--out", tmp_path / step).returncode == 0
    same, changed = (
        torch.cat([torch.tensor(list(Image.open(tmp_path / step / f"seed-{n}.png").tobytes())) for n in (4, 5)])
        for step in ("0", "3")
    )
    belamy("edit", vae, "seed:4..5", "--add", "slant=0", "--out", tmp_path / "anew", "--device", "cpu")
    assert Image.open(tmp_path / "anew" / "seed-4.png").tobytes() == Image.open(tmp_path / "0" / "seed-4.png").tobytes()
    assert not torch.equal(same, changed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["directions"], "RUN is missing"),
        (["directions", "{run}", "--attribute", "thicknes"], "Did you mean 'thickness'"),
        (["directions", "{run}", "--method", "sideways"], "There is no kind of direction 'sideways'"),
        (["directions", "{run}", "--alphas", "3..-3"], "--alphas is '3..-3', but it must be LOW..HIGH"),
        (["directions", "{run}", "--alphas", "few"], "must be LOW..HIGH, e.g. -3..3"),
        (["directions", "{run}", "--steps", "1"], "--steps is 1, but it must be in 2..41"),
        (["directions", "{run}", "--out", "{run}/recipe.json"], "is a file. Name a folder"),
        (["edit", "{run}", "nowhere.png", "--add", "thickness=1"], "There is no picture nowhere.png"),
        (["edit", "{run}", "{run}/recipe.json", "--add", "thickness=1"], "is no picture that can be read"),
        (["edit", "{run}", "seed:1"], "Nothing is added. Type e.g. --add thickness=1.5"),
        (["edit", "{run}", "seed:1", "--add", "thickness"], "'thickness' is not NAME=STEP"),
        (["edit", "{run}", "seed:1", "--add", "smile=1"], "no attribute or class 'smile', nor is it measured"),
        (["edit", "{run}", "seed:9..3", "--add", "width=1"], "must be seed:FIRST..LAST"),
        (
            ["edit", "{run}", "seed:1", "--add", "width=1", "--directions", "{run}/recipe.json"],
            "not a whole safetensors",
        ),
    ],
)
def test_wrong_uses(belamy: Command, vae: Path, words: list[str], says: str) -> None:
    said = belamy(*(word.replace("{run}", str(vae)) for word in words))
    assert said.returncode == 2
    assert says in said.stderr and said.stderr.count("\n") == 1
