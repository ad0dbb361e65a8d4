"""The doctor on one bad set of pairs: every fault is named with its file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from belamy.cli import main
from belamy.data.doctor import examine


def noise(number: int, width: int = 20, height: int = 20, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


def save(path: Path, image: Image.Image | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Twelve good pairs, and some with each fault."""
    for number in range(12):
        split = "test" if number < 3 else "train"
        save(tmp_path / f"{split}A/good{number:02d}.png", noise(number))
        save(tmp_path / f"{split}B/good{number:02d}.png", noise(100 + number))
    one, other = tmp_path / "trainA", tmp_path / "trainB"
    whole = io.BytesIO()
    noise(50).save(whole, "PNG")
    see_through = noise(60, channels=4)
    for name, given, wanted in (
        ("copy", noise(20), noise(20)),
        ("blank-input", Image.new("RGB", (20, 20), "white"), noise(21)),
        ("blank-target", noise(22), Image.new("RGB", (20, 20), "grey")),
        ("first", noise(23), noise(24)),
        ("second", noise(23), noise(25)),
        ("third", noise(26), noise(24)),
        ("leak", noise(0), noise(100)),
        ("size", noise(27), noise(27, 24, 20)),
        ("cut", noise(28), whole.getvalue()[: len(whole.getvalue()) // 2]),
        ("empty", b"", noise(29)),
        ("text", noise(30), b"no picture at all"),
        ("clear", see_through, noise(31)),
        ("wide", noise(32, 60, 20), noise(33, 60, 20)),
    ):
        save(one / f"{name}.png", given)
        save(other / f"{name}.png", wanted)
    save(one / "lonely.png", noise(40))
    save(other / "alone.png", noise(41))
    save(one / "twins.png", noise(42))
    save(one / "twins.bmp", noise(43))
    save(other / "twins.png", noise(44))
    save(other / "notes.txt", b"not for training")
    return tmp_path


FAULTS = [
    "the target is a copy of its input: trainA/copy.png",
    "the input is blank: trainA/blank-input.png",
    "the target is blank: trainA/blank-target.png",
    "one input has several targets: trainA/first.png = trainA/second.png",
    "one target has several inputs: trainA/first.png = trainA/third.png",
    "a target lies in several splits: ",
    "trainA/leak.png",
    "duplicates: 2 images repeat another; 1 group(s) lie across the splits",
    "skipped trainB/size.png: its size 24x20 differs from 20x20 of trainA/size.png",
    "skipped trainB/cut.png: ",
    "skipped trainA/empty.png: not an image (the file is empty)",
    "skipped trainB/text.png: not an image",
    "skipped trainA/lonely.png: there is no file of that name in B",
    "skipped trainB/alone.png: there is no file of that name in A",
    "skipped trainA/twins.png: trainA/twins.bmp and trainA/twins.png have one name",
    "1 picture(s) are transparent in part, and lie on white now",
    "other files, passed over: .txt (1)",
    "too few: ",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named_with_its_file(bad: Path, fault: str) -> None:
    lines = examine(bad, modality="image:pairs=folders", size=20).lines()
    assert any(fault in line for line in lines), "\n".join(lines)


def test_good_pairs_have_no_faults(tmp_path: Path) -> None:
    found = examine("outlines")
    assert found.facts["pairs"] == {} and found.facts["next"] == "belamy train pix2pix --data outlines"
    assert found.sheet.shape[2] == 3


def test_the_verb_says_what_to_type_next(bad: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (
        main(
            ["data", str(bad), "--modality", "image:pairs=folders", "--size", "20", "--sheet", str(tmp_path / "s.png")]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert f"belamy train pix2pix --data {bad} --modality image:pairs=folders --size 20" in said
    with Image.open(tmp_path / "s.png") as sheet:
        assert min(sheet.size) > 40
