"""Pictures of their own shape from the command line: a small oblong run with opacity, every verb, and wrong uses."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from belamy.cli import main

NOISE = np.random.default_rng(3)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of two kinds, 40 wide and 24 high, with opacity."""
    root = tmp_path_factory.mktemp("oblong")
    for number in range(24):
        folder = root / "clear" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = NOISE.integers(0, 256, (24, 40, 4), dtype=np.uint8)
        Image.fromarray(pixels, "RGBA").save(folder / f"{number}.png")
    np.save(root / "six.npy", NOISE.integers(0, 256, (8, 6, 24, 40), dtype=np.uint8))
    np.save(root / "open.npy", NOISE.random((8, 1, 1024), np.float32))
    np.save(root / "table.npy", NOISE.random((8, 7), np.float32))
    np.save(root / "high.npy", NOISE.integers(0, 70_000, (8, 24, 40)))
    Image.new("RGB", (9, 9)).save(root / "clear" / "a" / "odd.png")
    return root


@pytest.fixture(scope="module")
def run(where: Path) -> Path:
    """A run on them."""
    words = ["train", "digits", "--data", str(where / "clear"), "--size", "40x24", "--alpha", "keep"]
    words += ["--train-samples", "64", "--batch", "16", "--snapshots", "1", "--latent", "8", "--no-progress"]
    assert main([*words, "--generator.width", "2", "--discriminator.width", "2", "--out", str(where / "run")]) == 0
    return where / "run"


def test_a_run_draws_pictures_of_its_shape_with_opacity(run: Path, where: Path) -> None:
    assert main(["sample", str(run), "--count", "2", "--out", str(where / "samples"), "--no-progress"]) == 0
    with Image.open(where / "samples" / "000000.png") as image:
        assert image.size == (40, 24) and image.mode == "RGBA"
    with Image.open(where / "samples" / "sheet.png") as sheet:
        assert sheet.mode == "RGB"


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "{run}"],
        ["report", "{run}"],
        ["walk", "{run}", "--out", "{where}/walk.png"],
        ["manifold", "{run}", "--out", "{where}/manifold.png"],
        ["edit", "{run}", "{where}/clear/a/0.png", "--steps", "2", "--out", "{where}/edited"],
        ["inspect", "digits", "--size", "40x24"],
        ["data", "{where}/six.npy", "--sheet", "{where}/six.png"],
        ["data", "{where}/clear", "--alpha", "keep", "--modality", "image:bits=16", "--sheet", "{where}/deep.png"],
        ["data", "{where}/open.npy", "--modality", "image", "--sheet", "{where}/open.png"],
    ],
    ids=lambda words: f"{words[0]} {Path(words[1]).name}",
)
def test_verbs_take_it(run: Path, where: Path, words: list[str]) -> None:
    assert main([word.format(run=run, where=where) for word in words]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "clear", "--size", "40by24"], "a width and a height, e.g. 96x64"),
        (["data", "clear", "--size", "0"], "must be in 4..4096 pixels"),
        (["data", "clear", "--size", "40x5000"], "must be in 4..4096 pixels"),
        (["data", "clear", "--size", "native"], "holds pictures of 2 sizes"),
        (["data", "clear", "--channels", "4"], "--alpha keep, 2 or 4"),
        (["data", "clear", "--channels", "2"], "--alpha keep, 2 or 4"),
        (["data", "clear", "--channels", "5"], "picture files have 1 (grey) or 3"),
        (["data", "clear", "--channels", "0"], "in 1..64"),
        (["data", "clear", "--channels", "3", "--alpha", "keep"], "Type --channels 4"),
        (["data", "clear", "--alpha", "black"], "--alpha"),
        (["data", "clear", "--fit", "squash"], "--fit"),
        (["data", "clear", "--modality", "image:bits=12"], "8 or 16 bits"),
        (["data", "clear", "--modality", "image:layout=last"], "channels-first or channels-last"),
        (["data", "clear", "--modality", "image:depth=16"], "has no option 'depth'"),
        (["data", "open.npy"], "--modality audio --rate 16000"),
        (["data", "table.npy"], "--modality table"),
        (["data", "high.npy", "--modality", "image:bits=16"], "pixels must lie in 0..65535"),
        (["data", "six.npy", "--channels", "3"], "has 6 channels, which are no grey or RGB"),
        (["train", "digits", "--data", "clear", "--size", "39x23"], "--size 36x20 or --size 40x24"),
        (["train", "resnet-cifar", "--data", "clear", "--size", "40x24"], "multiples of"),
        (["inspect", "digits", "--size", "tiny"], "size"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_uses_are_refused_in_one_message(
    where: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(where)
    assert main(words) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert message in told and "Traceback" not in told


def test_the_doctor_names_what_is_wrong_with_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def put(name: str, image: Image.Image) -> bytes:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        path.write_bytes(buffer.getvalue())
        return buffer.getvalue()

    whole = b""
    for number in range(30):
        whole = put(f"a/{number}.png", Image.fromarray(NOISE.integers(0, 256, (24, 40, 3), dtype=np.uint8)))
    (tmp_path / "a/again.png").write_bytes(whole)
    (tmp_path / "a/cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a/empty.png").write_bytes(b"")
    (tmp_path / "a/page.png").write_bytes(b"<!DOCTYPE html>")
    (tmp_path / "notes.txt").write_text("no picture")
    put("a/blank.png", Image.new("RGB", (40, 24), (9, 9, 9)))
    put("a/small.png", Image.fromarray(NOISE.integers(0, 256, (6, 9, 3), dtype=np.uint8)))
    put("a/tall.png", Image.fromarray(NOISE.integers(0, 256, (80, 20, 3), dtype=np.uint8)))
    put("a/grey.png", Image.fromarray(NOISE.integers(0, 256, (24, 40), dtype=np.uint8)))
    put("a/deep.png", Image.fromarray(NOISE.integers(0, 4096, (24, 40), dtype=np.uint16)))
    put("a/clear.png", Image.fromarray(NOISE.integers(0, 256, (24, 40, 4), dtype=np.uint8), "RGBA"))
    put("@eaDir/thumb.png", Image.new("RGB", (8, 8)))
    assert main(["data", str(tmp_path), "--size", "40x24", "--sheet", str(tmp_path / "sheet.PNG")]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for fault in (
        "a/cut.png", "a/empty.png", "the file is empty", "a/page.png", "a web page", ".txt (1)", "a/again.png",
        "blank", "a/blank.png", "enlarged", "9x6", "proportions", "--fit pad", "no colour", "16 bits or more",
        "use all", "transparent in part", "@eaDir", "too few",
    ):  # fmt: skip
        if fault == "use all":
            fault = "--levels 4095 uses all"
        assert fault in told, fault
