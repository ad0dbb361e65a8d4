"""``belamy directions``, ``belamy edit`` and ``belamy.steer``: from a run to pictures, and what wrong uses are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as package
from belamy.cli import main
from belamy.errors import BelamyError
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
    assert page.count("data:image/") == 2 and 'id="leakage"' in page
    again = belamy("directions", vae, *QUICK, "--out", tmp_path / "found")
    assert again.returncode == 2 and "type --overwrite" in again.stderr


def test_directions_among_the_features_of_a_layer(belamy: Command, gan: Path, tmp_path: Path) -> None:
    said = belamy("directions", gan, "--layer", "network.layers.1", "--attribute", "thickness", "--steps", "3", *QUICK)
    assert said.returncode == 0, said.stderr
    (vector,) = load_tensors(gan / "directions-network.layers.1" / "directions.safetensors", None).values()
    assert len(vector) == 100  # features, not latents
    words = ["edit", gan, "seed:4", "--add", "thickness=1", "--directions", gan / "directions-network.layers.1"]
    said = belamy(*words, "--device", "cpu", "--out", tmp_path / "edited")
    assert said.returncode == 2 and "their length differs" in said.stderr


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


def test_a_run_is_steered_from_python(vae: Path, bars: Path, belamy: Command, tmp_path: Path) -> None:
    editor = package.steer(vae, device="cpu")
    photo = Image.fromarray(np.load(bars)[3])
    photo.save(tmp_path / "bar.png")
    found = editor.invert(photo, np.array(photo), tmp_path / "bar.png", torch.from_numpy(np.load(bars)[3])[None])
    assert found.way == "encoder" and all(torch.equal(found.latents[0], latent) for latent in found.latents)
    edited = editor.edit(found, add={"width": 1.0})
    assert edited.images.shape == (4, 1, 8, 8) and not torch.equal(edited.latents, found.latents)
    said = belamy("edit", vae, tmp_path / "bar.png", "--add", "width=1", "--out", tmp_path / "all", "--device", "cpu")
    assert said.returncode == 0
    assert (
        Image.open(tmp_path / "all" / "sheet.png").tobytes()
        == editor.edit(photo, add={"width": 1}).picture().image.tobytes()
    )
    walk = editor.walk(0, found.latents[0], photo, steps=2)
    assert len(walk.images) == 5 and torch.equal(walk.latents[2], found.latents[0])
    assert editor.manifold(count=3).image.size == (24, 24)
    summed = editor.arithmetic("thick - thin + seed(1)", members=2)
    for shown in (found, edited, walk, summed, editor.manifold(count=2)):
        assert shown._repr_png_()[1:4] == b"PNG"


def test_labels_from_python(conditional: Path, photos: Path) -> None:
    editor = package.steer(package.open(conditional), device="cpu")
    changed = editor.edit(photos / "cats" / "001.png", label="dogs", steps=2, tries=1)
    assert changed.inversion.weights is not None and changed.images.shape == (1, 1, 8, 8)
    walk = editor.walk(0, 0, labels=["cats", "dogs"], steps=2)
    assert walk.weights is not None and walk.weights.tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    assert editor.manifold(count=2, label="cats").image.size == (16, 16)
    files = sorted((photos / "cats").iterdir())[:3]
    found = [editor.invert(file) for file in files]
    walk = editor.walk(*files, steps=1)
    assert walk.weights is not None and all(each.weights is not None for each in found)
    assert torch.equal(walk.weights, torch.cat([each.weights for each in found if each.weights is not None]))


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda editor: editor.invert(3), "A picture is a path, a Pillow image, or uint8 numbers"),
        (lambda editor: editor.invert(np.zeros((8, 8))), "got float64"),
        (lambda editor: editor.invert("nowhere.png"), "nowhere.png cannot be opened"),
        (lambda editor: editor.edit("nowhere.png", label="1"), "cannot be opened"),
        (lambda editor: editor.edit(np.zeros((8, 8), np.uint8), label="1"), "networks do not use labels"),
        (lambda editor: editor.walk(1), "A walk needs 2 keys"),
        (lambda editor: editor.walk(), "A walk needs 2 keys"),
        (lambda editor: editor.walk(1, 2, labels=["1"]), "2 keys have 1 labels"),
    ],
)
def test_wrong_uses_from_python(vae: Path, use: Callable[[Any], object], says: str) -> None:
    with pytest.raises(BelamyError, match=says):
        use(package.steer(vae, device="cpu"))


def write(kind: str, path: Path) -> Path:
    """A picture file of an unusual kind."""
    made = {
        "tiny": lambda: Image.new("L", (1, 1), 200),
        "huge": lambda: Image.new("L", (6000, 4000), 90),
        "grey": lambda: Image.new("LA", (9, 7), (90, 128)),
        "colour": lambda: Image.new("RGBA", (9, 7), (90, 10, 10, 0)),
        "deep": lambda: Image.fromarray(np.full((9, 9), 65535, np.uint16)),
    }[kind]
    made().save(path)
    return path


@pytest.mark.parametrize(("kind", "mean"), [("tiny", 200), ("huge", 90), ("grey", 172), ("colour", 255), ("deep", 255)])
def test_pictures_of_any_kind(belamy: Command, vae: Path, tmp_path: Path, kind: str, mean: int) -> None:
    said = belamy("edit", vae, write(kind, tmp_path / f"{kind}.png"), "--device", "cpu")
    assert said.returncode == 0, said.stderr
    with Image.open(tmp_path / "edited" / "sheet.png") as sheet:
        assert abs(np.asarray(sheet.convert("L"), float)[2:98, 2:98].mean() - mean) <= 1


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
        (["directions", "{run}", "--layer", "nowhere"], "no layer 'nowhere'"),
        (["directions", "{run}", "--method", "sideways"], "There is no kind of direction 'sideways'"),
        (["directions", "{run}", "--alphas", "3..-3"], "--alphas is '3..-3', but it must be LOW..HIGH"),
        (["directions", "{run}", "--alphas", "few"], "must be LOW..HIGH, e.g. -3..3"),
        (["directions", "{run}", "--steps", "1"], "--steps is 1, but it must be in 2..41"),
        (["directions", "{run}", "--out", "{run}/recipe.json"], "is a file. Name a folder"),
        (["edit", "{run}", "nowhere.png", "--add", "thickness=1"], "There is no picture nowhere.png"),
        (["edit", "{run}", "{run}/recipe.json", "--add", "thickness=1"], "cannot be read"),
        (["edit", "{run}", "{run}/broken.png"], "cannot be read"),
        (["edit", "{run}", "{run}/empty.png"], "the file is empty"),
        (["edit", "{run}", "seed:1", "--label", "1"], "networks do not use labels"),
        (["edit", "{run}", "seed:1", "--from-label", "1", "--add", "width=1"], "Leave --from-label out"),
        (["edit", "{run}", "nowhere.png", "--tries", "0"], "--tries is 0, but it must be in 1..64"),
        (["edit", "{run}", "nowhere.png", "--steps", "0"], "--steps is 0, but it must be at least 1"),
        (["edit", "{run}", "seed:1", "--add", "width=much"], "'width=much' is not NAME=STEP"),
        (["edit", "{run}", "seed:1", "--add", "width=inf"], "'width=inf' is not NAME=STEP"),
        (["edit", "{run}", "seed:1", "--add", "=1"], "'=1' is not NAME=STEP"),
        (
            ["edit", "{run}", "seed:1", "--add", "width=1", "--directions", "{run}"],
            "Write them with `belamy directions`",
        ),
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
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    Image.fromarray(noise).save(vae / "whole.png")
    (vae / "broken.png").write_bytes((vae / "whole.png").read_bytes()[:600])
    (vae / "empty.png").write_bytes(b"")
    said = belamy(*(word.replace("{run}", str(vae)) for word in words))
    assert said.returncode == 2
    assert says in said.stderr and said.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--label", "cows"], ["--label", "2"], ["--from-label", "-1"]])
def test_labels_out_of_range(belamy: Command, conditional: Path, photos: Path, words: list[str]) -> None:
    said = belamy("edit", conditional, photos / "cats" / "001.png", *words)
    assert said.returncode == 2 and said.stderr.count("\n") == 1
    assert "There is no class" in said.stderr or "--from-label" in said.stderr


def test_a_method_that_cannot_be_inverted(belamy: Command, photos: Path, tmp_path: Path) -> None:
    words = ["train", "autoencoder-mnist", "--data", photos, "--size", "8", "--samples", "8", "--batch", "4"]
    assert belamy(*words, "--out", tmp_path / "run", *QUIET).returncode == 0
    said = belamy("edit", tmp_path / "run", photos / "cats" / "001.png")
    assert said.returncode == 2 and "method draws no samples" in said.stderr and said.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["directions", "VAE", "--attribute", "width", *QUICK],
        ["edit", "VAE", "seed:0..3", "--add", "width=1", "--device", "cpu"],
        ["visualise", "GAN", "--steps", "1", "--device", "cpu"],
        ["game", "ring", "--steps", "4", "--frames", "2", "--width", "8", "--batch", "8"],
    ],
    ids=lambda words: words[0],
)
def test_a_folder_of_results_is_whole_or_not_there(
    belamy: Command, vae: Path, gan: Path, tmp_path: Path, words: list[str], interrupted: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    called = [{"VAE": vae, "GAN": gan}.get(word, word) for word in words]
    interrupted()
    assert belamy(*called, "--out", tmp_path / "made").returncode == 130
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    done = belamy(*called, "--out", tmp_path / "made")
    assert done.returncode == 0 and len(list((tmp_path / "made").iterdir())) > 2, done.stderr
