"""`belamy stylize` as a user types it: pictures, films, facts, and every wrong picture or word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import weights as published
from belamy.data.fetching import checksum
from belamy.data.weights import Published
from belamy.networks.vgg import VGG
from stories.conftest import Command, process

QUICK = ["--size", "32", "--steps", "2", "--no-progress"]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A content and a style larger than it, of sides that nothing divides."""
    source = np.random.default_rng(0)
    names = (tmp_path / "content.jpg", tmp_path / "style.png")
    for path, (height, width) in zip(names, ((37, 53), (171, 99)), strict=True):
        Image.fromarray(source.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return names


def test_a_picture_a_film_and_the_facts(belamy: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    done = belamy(
        "stylize", *pair, "--out", "painted.png", "--animation", "painted.gif", "--json", "facts.json", *QUICK
    )
    assert done.returncode == 0, done.stderr
    assert "painted.png: 45x32 pixels, 2 steps in" in done.stdout and "s a step)" in done.stdout
    with Image.open(tmp_path / "painted.png") as image:
        assert image.size == (45, 32) and image.mode == "RGB"
    with Image.open(tmp_path / "painted.gif") as film:
        assert film.n_frames == 2
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["files"] == ["painted.png", "painted.gif"] and facts["settings"]["network"] == "efficientnet-lite0"
    assert len(facts["losses"]["total"]) == 2 and facts["seconds"] >= facts["step_seconds"] > 0
    again = belamy("stylize", *pair, "--out", "painted.png", *QUICK)
    assert again.returncode == 2 and "painted.png is there already" in again.stderr and "--overwrite" in again.stderr
    assert belamy("stylize", *pair, "--out", "painted.png", "--overwrite", *QUICK).returncode == 0


def test_several_styles_masks_and_layers(belamy: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    half = np.zeros((20, 30), dtype=np.uint8)
    half[:, :15] = 255
    Image.fromarray(half).save(tmp_path / "left.png")
    done = belamy("stylize", *pair, pair[0], "--shares", "2", "1", "--mask", "left.png", "-", "--style-layers", "stem",
                  "b2=0.5", "--colours", "histogram", "--strength", "0.5", "--json", "-", *QUICK)  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["settings"]["style_layers"] == {"stem": 1.0, "b2": 0.5} and len(facts["styles"]) == 2
    assert (tmp_path / "stylized.png").is_file()


def test_progress_tells_the_time_left(
    belamy: Command, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belamy.progress.LINE_SECONDS", 0)
    done = belamy("stylize", *pair, "--size", "32", "--steps", "3")
    assert done.returncode == 0 and "step 1 of 3  loss" in done.stdout and " left" in done.stdout


@pytest.mark.parametrize("settings", ["documents", "gatys"])
def test_missing_weights_say_what_to_put_where(belamy: Command, pair: tuple[Path, Path], settings: str) -> None:
    done = belamy("stylize", *pair, "--settings", settings, *QUICK)
    assert done.returncode == 2
    for text in ("vgg19-d01eb7cb.pth", "SHA-256 d01eb7cb", "weights/vgg19-d01eb7cb.pth", "--weights FILE"):
        assert text in done.stderr
    done = belamy("stylize", *pair, "--settings", settings, "--weights", pair[0], *QUICK)
    assert done.returncode == 2 and "it is damaged or another" in done.stderr


@pytest.fixture(scope="module")
def random_vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of VGG-19 in the published layout."""
    network = VGG()
    places = zip(network.convolutions.values(), network._places(), strict=True)
    tensors = {f"features.{place}.{name}": tensor for layer, place in places for name, tensor in
               layer.state_dict().items()}  # fmt: skip
    path = tmp_path_factory.mktemp("weights") / "vgg.pth"
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize("settings", ["documents", "gatys"])
def test_vgg_from_a_file(
    belamy: Command, pair: tuple[Path, Path], random_vgg: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    monkeypatch.setattr(published, "VGG19_CAFFE", Published("vgg.pth", checksum(random_vgg), "nobody"))
    done = belamy("stylize", *pair, "--settings", settings, "--weights", random_vgg, "--lr", "0.001", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "45x32 pixels" in done.stdout


def damaged(path: Path) -> Path:
    whole = path.with_name("whole.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    path.write_bytes(whole.read_bytes()[:-2000])
    return path


def tiny(path: Path) -> Path:
    Image.new("RGB", (200, 7)).save(path)
    return path


def huge(path: Path) -> Path:
    Image.new("1", (12_000, 10_000)).save(path)
    return path


def text(path: Path) -> Path:
    path.write_text("not a picture")
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (damaged, "cannot be the content: "),
        (tiny, "The content has 200x7 pixels, but each side must be at least 16"),
        (huge, "cannot be the content: too many pixels"),
        (text, "cannot be the content: not an image"),
        (lambda path: path, "There is no file"),
    ],
    ids=["damaged", "tiny", "huge", "text", "absent"],
)
def test_wrong_pictures(belamy: Command, pair: tuple[Path, Path], tmp_path: Path, make: object, says: str) -> None:
    done = belamy("stylize", make(tmp_path / "wrong.png"), pair[1], *QUICK)  # type: ignore[operator]
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "stylized.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--style-layers", "b9"], "EfficientNet-lite0 has no layer 'b9'. Known: b0,"),
        (["--style-layers", "b2=much"], "--style-layers b2=much: 'much' is no weight"),
        (["--style-layers", "b2=-1"], "style_layers.b2 = -1.0 is not allowed"),
        (["--size", "8000", "--style-scale", "8"], "at most 40 million. Give another --size"),
        (["--size", "3000", "--style-scale", "8"], "The style would have 13895x24000 pixels, but at most 40 million"),
        (["--size", "20"], "size = 20 is not allowed"),
        (["--size", "8000"], "at most 40 million. Give another --size"),
        (["--out", "painted.jpg"], "--out is painted.jpg, but it must end in .png"),
        (["--animation", "film.avi"], "--animation is film.avi, but it must end in .gif or .webp or .mp4"),
        (["--mask", "-", "-"], "There are 2 masks for 1 styles"),
        (["--weights", "vgg.pth"], "EfficientNet-lite0 comes with its weights"),
        (["--strength", "2"], "--strength is 2, but it must be in 0..1"),
        (["--lr", "-1"], "lr = -1.0 is not allowed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words(belamy: Command, pair: tuple[Path, Path], words: list[str], says: str) -> None:
    done = belamy("stylize", *pair, *words, *(QUICK[2:] if "--size" in words else QUICK))
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_content_alone_is_not_enough(belamy: Command, pair: tuple[Path, Path]) -> None:
    done = belamy("stylize", pair[0])
    assert done.returncode == 2 and "0 styles" in done.stderr


def test_help_is_quick() -> None:
    script = "import sys; from belamy.cli.verbs import stylize; assert not {'torch', 'numpy'} & set(sys.modules)"
    assert process(prelude=("-c", script)).returncode == 0
