"""The space W of a style-based generator: its sheets, walks, maps, edits, truncated samples, and runs without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import belamy as package
from belamy.cli import main
from stories.conftest import Command

NETWORK = "stylegan2:base=16,widest=4"


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A run of a style-based generator with classes."""
    out = tmp_path_factory.mktemp("runs") / "styled"
    words = [
        "train",
        "stylegan2-ada",
        "--data",
        str(photos),
        "--size",
        "8",
        "--generator",
        f"{NETWORK},mapping=2,style=6",
    ]
    words += [
        "--discriminator",
        NETWORK,
        "--latent",
        "4",
        "--batch",
        "8",
        "--samples",
        "32",
        "--no-watch",
        "--snapshots",
        "1",
    ]
    assert main([*words, "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


def test_sheets_of_styles(belamy: Command, styled: Path) -> None:
    said = belamy("styles", styled, "--seeds", "0", "1", "--others", "2", "3", "4", "--json", "-", "--device", "cpu")
    assert said.returncode == 0, said.stderr
    facts = json.loads(said.stdout)
    assert facts["style_layers"] == [4, 8, 8, 8]
    assert facts["groups"] == {"coarse": [0, 0], "middle": [1, 2], "fine": [3, 3]}
    names = ["truncation", "mixing-coarse", "mixing-middle", "mixing-fine", "layers"]
    assert facts["files"] == [f"styles/{name}.png" for name in names]
    for file in facts["files"]:
        with Image.open(file) as picture:
            picture.verify()


@pytest.mark.parametrize("space", ["w", "w+"])
@pytest.mark.parametrize(
    "words",
    [
        ["walk", "--steps", "2", "--out", "a.png"],
        ["manifold", "--count", "2", "--out", "a.png"],
        ["manifold", "--traverse", "--axes", "3", "--count", "3", "--out", "a.png"],
    ],
)
def test_the_tools_of_latents_work_with_styles(belamy: Command, styled: Path, space: str, words: list[str]) -> None:
    said = belamy(words[0], styled, *words[1:], "--space", space, "--device", "cpu")
    assert said.returncode == 0, said.stderr


def test_a_picture_is_found_and_changed_among_styles(belamy: Command, styled: Path, photos: Path) -> None:
    picture = photos / "cats" / "001.png"
    for space in ("w", "w+"):
        said = belamy("edit", styled, picture, "--space", space, "--steps", "3", "--tries", "1",
                      "--add", "brightness=2", "--out", space, "--device", "cpu", "--json", "-")  # fmt: skip
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["inversion"] == "optimisation"


def test_some_layers_alone_are_changed(belamy: Command, styled: Path) -> None:
    words = ["directions", styled, "--attribute", "brightness", "--observed", "8", "--examples", "2", "--out", "found"]
    assert belamy(*words, "--space", "w+", "--device", "cpu").returncode == 0
    words = ["edit", styled, "seed:0", "--space", "w+", "--add", "brightness=3", "--directions", "found"]
    made = {}
    for layers in ("0..3", "3", "0..2"):
        assert belamy(*words, "--layers", layers, "--out", layers).returncode == 0
        made[layers] = Path(layers, "seed-0.png").read_bytes()
    assert belamy(*words, "--out", "all").returncode == 0
    assert made["0..3"] == Path("all", "seed-0.png").read_bytes()
    for layers, message in (("4..5", "this run has 0..3"), ("3..1", "FIRST..LAST")):
        said = belamy(*words, "--layers", layers, "--out", "x")
        assert said.returncode == 2 and message in said.stderr
    said = belamy("edit", styled, "seed:0", "--add", "brightness=3", "--layers", "0..1", "--out", "x")
    assert said.returncode == 2 and "--space w+" in said.stderr


def test_the_editor_of_python_works_in_w(styled: Path) -> None:
    editor = package.steer(styled, device="cpu", space="w")
    walk = editor.walk(0, 1, steps=2)
    assert walk.latents.shape == (3, 6)
    torch.testing.assert_close(walk.latents[1], (walk.latents[0] + walk.latents[2]) / 2)


def test_truncated_samples(belamy: Command, styled: Path) -> None:
    for psi in ("1", "0.5", "0"):
        assert belamy("sample", styled, "--count", "4", "--truncation", psi, "--out", f"{psi}.png").returncode == 0
    assert belamy("sample", styled, "--count", "4", "--out", "plain.png").returncode == 0
    files = {name: Path(f"{name}.png").read_bytes() for name in ("1", "0.5", "0", "plain")}
    assert files["1"] == files["plain"] and len(set(files.values())) == 3


@pytest.mark.parametrize(
    "words",
    [
        ["styles"],
        ["walk", "--space", "w"],
        ["edit", "seed:0", "--add", "x=1", "--space", "w+"],
        ["sample", "--truncation", "0.5"],
    ],
)
def test_a_run_without_styles_is_told_what_to_do(belamy: Command, trained: Path, words: list[str]) -> None:
    said = belamy(words[0], trained, *words[1:])
    assert said.returncode == 2
    assert "has no styles" in said.stderr and "belamy train stylegan2-ada" in said.stderr


def test_labels_are_within_styles(belamy: Command, styled: Path) -> None:
    said = belamy("walk", styled, "--space", "w", "--label", "cats", "--out", "a.png")
    assert said.returncode == 2 and "--space z" in said.stderr


def test_a_sheet_of_nothing_is_refused(belamy: Command, styled: Path) -> None:
    said = belamy("styles", styled, "--seeds", *map(str, range(20)))
    assert said.returncode == 2 and "--seeds names 20, but a sheet takes 1..16" in said.stderr
