"""Networks of style and films, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy as library
from stories.conftest import Command

TINY = {"data": "dead-leaves:count=4", "size": 32, "batch": 2, "samples": 4, "average": 0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A network of one style and one of any, hardly trained."""
    folder = tmp_path_factory.mktemp("runs")
    options = {"progress": False, "watch": False, "snapshots": 1, "device": "cpu"}
    fast = {"style": "dots", "style_size": 32, "stylist": {"name": "johnson", "width": 4, "blocks": 1}}
    library.train("fast-style", out=folder / "fast", **TINY, **fast, **options)
    library.train("adain-style", out=folder / "adain", **TINY, styles="patterns:count=6", width=4, **options)
    return {name: str(folder / name) for name in ("fast", "adain")}


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A content, a style and a film of sides that nothing divides."""
    source = np.random.default_rng(0)
    wide = source.integers(0, 256, (37, 70, 3), dtype=np.uint8)
    frames = [Image.fromarray(wide[:, 3 * number : 3 * number + 53]) for number in range(4)]
    paths = tmp_path / "content.png", tmp_path / "style.png", tmp_path / "film.webp"
    frames[0].save(paths[0])
    Image.fromarray(wide[::-1]).save(paths[1])
    frames[0].save(paths[2], save_all=True, append_images=frames[1:], duration=100, lossless=True)
    return paths


def test_one_pass(belamy: Command, runs: dict[str, str], pictures: tuple[Path, ...], tmp_path: Path) -> None:
    content, style, _ = pictures
    done = belamy("stylize", content, "--network", runs["fast"], "--out", "one.png", "--json", "one.json")
    assert done.returncode == 0, done.stderr
    assert "one.png: 53x37 pixels in one pass" in done.stdout
    assert json.loads((tmp_path / "one.json").read_text())["network"] == runs["fast"]
    shared = ("--shares", "2", "1", "--size", "64", "--strength", "0.5", "--out", "any.png")
    done = belamy("stylize", content, style, content, "--network", runs["adain"], *shared)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "any.png") as image:
        assert image.size == (91, 64)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--network", "fast", "STYLE"], "knows one style"),
        (["--network", "adain"], "so it must be shown one"),
        (["--network", "fast", "--steps", "3"], "--steps is for painting step by step"),
        (["--network", "fast", "--colours", "luminance"], "--colours is for painting step by step"),
        (["--network", "adain", "STYLE", "--shares", "1", "2"], "shares are [1.0, 2.0], but 1 are needed"),
        (["--network", "fast", "--strength", "2"], "--strength is 2, but it must be in 0..1"),
        (["--network", "fast", "--style-scale", "2"], "leave --style-scale out"),
        (["--network", "adain", "STYLE", "--style-scale", "8", "--shares", "1"], "at most 4 million"),
        (["--network", "absent"], "does not exist"),
        (["fast"], "is a run, not a picture. Type: belamy stylize"),
        (["STYLE", "--backbone", "torch.nn.Conv2d"], "give --content-layers and --style-layers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words(
    belamy: Command, runs: dict[str, str], pictures: tuple[Path, ...], words: list[str], says: str
) -> None:
    known = {**runs, "STYLE": str(pictures[1])}
    done = belamy("stylize", pictures[0], *(known.get(word, word) for word in words))
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("backbone", "says"),
    [
        ("nopackage.models.resnet", "There is no package 'nopackage.models' here"),
        ("belamy.networks.efficientnet_lite.EfficientNetLit", "Did you mean 'EfficientNetLite'"),
        ("belamy.networks.efficientnet_lite.EfficientNetLite:blocks=99", "it must be 1..11"),
        ("belamy.networks.efficientnet_lite.EfficientNetLite:rooms=9", "cannot be called so"),
        ("fractions.Fraction:numerator=3", "it must give a torch.nn.Module"),
        ("belamy.networks.efficientnet_lite.EfficientNetLite", "has no layer 'b99'"),
    ],
)
def test_wrong_backbones(belamy: Command, pictures: tuple[Path, ...], backbone: str, says: str) -> None:
    done = belamy("stylize", *pictures[:2], "--backbone", backbone, "--content-layers", "b2", "--style-layers", "b99")
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_another_backbone_and_what_layers_hold(belamy: Command, pictures: tuple[Path, ...], tmp_path: Path) -> None:
    name = "belamy.networks.efficientnet_lite.EfficientNetLite"
    done = belamy("stylize", *pictures[:2], "--backbone", name, "--content-layers", "b2", "--style-layers", "stem",
                  "--size", "32", "--steps", "2", "--no-progress")  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = belamy("stylize", *pictures[:2], "--reconstructions", "layers.png", "--out", "painted.png", "--size", "32",
                  "--steps", "1", "--style-layers", "stem", "b1", "--content-layers", "b2",
                  "--no-progress")  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "layers.png") as sheet:
        assert sheet.width > 3 * 160 and sheet.height > 2 * 160


def test_a_film(belamy: Command, runs: dict[str, str], pictures: tuple[Path, ...], tmp_path: Path) -> None:
    _, style, film = pictures
    quick = ("--size", "32", "--steps", "2", "--no-progress")
    done = belamy("stylize", film, style, *quick, "--out", "painted.gif", "--json", "-")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["frames"] == 4 and len(facts["unsteadiness"]) == 3
    with Image.open(tmp_path / "painted.gif") as image:
        assert image.n_frames == 4 and image.size == (45, 32)
    done = belamy("stylize", film, "--network", runs["fast"])
    assert done.returncode == 0 and "stylized.webp: 4 frames of 53x37 pixels" in done.stdout
    for words, says in (
        (["--out", "a.png"], "must end in .gif or .webp or .mp4"),
        (["--animation", "b.gif"], "There is no option '--animation'"),
        (["--steadiness", "-1"], "at least 0"),
    ):
        done = belamy("stylize", film, style, *quick, *words)
        assert done.returncode == 2 and says in done.stderr, done.stderr
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "tiny.gif", save_all=True, append_images=frames[1:])
    done = belamy("stylize", tmp_path / "tiny.gif", style, *quick, "--out", "d.webp")
    assert done.returncode == 2 and "The film has 3x3 pixels, but each side must be at least 16" in done.stderr
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    done = belamy("stylize", tmp_path / "broken.mp4", style, *quick, "--out", "c.webp")
    assert done.returncode == 2 and ("cannot be read as a film" in done.stderr or "PyAV" in done.stderr), done.stderr


def test_style_pictures_of_training(belamy: Command, tmp_path: Path) -> None:
    for style, says in (
        ("dotz", "no drawn pattern 'dotz'. Did you mean 'dots'"),
        ("x/y.png", "There is no file x/y.png"),
    ):
        done = belamy("train", "fast-style", "--style", style, "--data", "dead-leaves:count=4", "--out", "run")
        assert done.returncode == 2 and says in done.stderr
        assert not (tmp_path / "run").exists()
