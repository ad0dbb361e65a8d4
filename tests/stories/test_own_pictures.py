"""A folder of one's own pictures: what the plan makes of their shapes, sizes and damage, from the command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stories.conftest import Command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 noisy colour pictures, 24 wide and 16 high."""
    numbers, path = np.random.default_rng(0), tmp_path / "photos"
    path.mkdir()
    for index in range(40):
        Image.fromarray(numbers.integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(path / f"{index:02d}.png")
    return path


def train(belamy: Command, folder: Path, *words: str) -> str:
    """What `belamy train` says of a folder, in one line."""
    narrow = ("--generator", "pictures:width=4", "--precision", "float32", "--device", "cpu", "--snapshots", "1")
    said = belamy("train", "--data", str(folder), "--out", "run", *narrow, *words)
    assert said.returncode == 0, said.stderr
    return " ".join((said.stdout + said.stderr).split())


def test_pictures_of_one_shape_keep_it(belamy: Command, folder: Path, tmp_path: Path) -> None:
    said = train(belamy, folder, "--samples", "40")
    assert "Plan: shape: 1.50 times as wide as high, like all files." in said
    assert "Plan: size: 24x16; 40 samples" in said
    assert "-1 h" not in said
    assert belamy("sample", "run", "--count", "2", "--out", "samples").returncode == 0
    with Image.open(tmp_path / "samples" / "000001.png") as sample:
        assert sample.size == (24, 16)


def test_odd_files_are_squares_or_left_out_by_name(belamy: Command, folder: Path) -> None:
    """Tall, grey, see-through, of 16 bits, tiny, large, cut off, empty."""
    whole = (folder / "00.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    for index in range(20):
        with Image.open(folder / f"{index:02d}.png") as picture:
            picture.transpose(Image.Transpose.ROTATE_90).save(folder / f"{index:02d}.png")
    Image.new("L", (16, 16), 90).save(folder / "grey.png")
    Image.new("LA", (20, 16), (90, 9)).save(folder / "clear.png")
    Image.fromarray(np.full((16, 16), 40_000, np.uint16)).save(folder / "deep.png")
    Image.new("RGB", (3, 2), "red").save(folder / "tiny.png")
    Image.new("CMYK", (2000, 1000)).save(folder / "large.jpg")
    said = train(belamy, folder, "--minutes", "0.005")
    assert "Plan: shape: squares, for the files have 6 sizes of several proportions; they are cropped." in said
    assert "Plan: size: 16x16; " in said
    assert "left out cut.png (image file is truncated), and 1 more file." in said
    assert "Finished: run/report.html" in said
