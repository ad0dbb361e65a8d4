"""Masks of every kind, read beside the images that they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.data.masks import read_masks
from belamy.errors import DataError, UsageError

KINDS = np.repeat(np.repeat(np.array([[0, 1], [2, 1]], np.uint8), 8, 0), 8, 1)  # four quarters of 16 x 16


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two wide pictures, whose middle square is kept."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (32, 16), (90, 200, 30)).save(tmp_path / "photos" / name)
    return tmp_path


def wide(mask: np.ndarray) -> np.ndarray:
    """A mask with margins that the crop takes off."""
    return np.pad(mask, ((0, 0), (8, 8), *((0, 0),) * (mask.ndim - 2)), constant_values=7)


def read(photos: Path, size: int = 16):  # type: ignore[no-untyped-def]
    data = open_data(photos / "photos", size=size)
    return read_masks(str(photos / "masks"), data, torch.arange(2), folder=photos / "photos")


def test_whole_numbers_in_a_palette_or_grey(photos: Path) -> None:
    grey = Image.fromarray(wide(KINDS * 100))
    grey.save(photos / "masks" / "a.png")
    with_palette = Image.fromarray(wide(KINDS * 100))
    with_palette.putpalette(list(range(255, -1, -1)) * 3)
    with_palette.save(photos / "masks" / "b.png")
    found = read(photos)
    assert found.names == ("0", "100", "200")
    assert torch.equal(found.classes, torch.from_numpy(KINDS).long().expand(2, -1, -1))
    half = read(photos, size=8)
    assert torch.equal(half.classes[0], torch.from_numpy(KINDS[::2, ::2]).long())


def test_colours_come_back_as_they_were(photos: Path) -> None:
    colours = np.array([[1, 2, 3], [0, 255, 0], [255, 0, 4]], np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(wide(colours[KINDS])).save(photos / "masks" / name)
    found = read(photos)
    assert found.names == ("#00ff00", "#010203", "#ff0004")
    (photos / "again.png").write_bytes(found.png(found.classes[0], []))
    with Image.open(photos / "again.png") as image:
        assert np.array_equal(np.asarray(image), colours[KINDS])


def test_numbers_are_written_as_numbers_under_a_palette(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((4, 16, 16), np.uint8))
    np.save(tmp_path / "masks.npy", np.stack([KINDS * 5] * 4).astype(np.int64))
    found = read_masks(str(tmp_path / "masks.npy"), open_data(tmp_path / "images.npy"), torch.tensor([1, 3]))
    assert found.names == ("0", "5", "10") and found.classes.shape == (2, 16, 16)
    (tmp_path / "again.png").write_bytes(found.png(found.classes[0], [(0, 0, 0), (255, 0, 0), (0, 255, 0)]))
    with Image.open(tmp_path / "again.png") as image:
        assert image.mode == "P" and np.array_equal(np.asarray(image), KINDS * 5)
        assert image.convert("RGB").getpixel((15, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (None, "1 of 2 are missing"),
        (np.zeros((16, 16), np.uint8), "is 16 x 16, but its picture 32 x 16"),
        (np.zeros((16, 32), np.uint8), "hold a single value"),
        (np.arange(512, dtype=np.uint8).reshape(16, 32), "different values"),
        (np.full((16, 32), 999, np.uint16), "must lie in 0..255"),
        (b"no picture", "cannot identify"),
    ],
    ids=["missing", "size", "one", "many", "wide", "broken"],
)
def test_what_is_no_mask(photos: Path, mask: np.ndarray | bytes | None, says: str) -> None:
    Image.new("L", (32, 16)).save(photos / "masks" / "a.png")
    if isinstance(mask, bytes):
        (photos / "masks" / "b.png").write_bytes(mask)
    elif mask is not None:
        Image.fromarray(mask).save(photos / "masks" / "b.png")
    with pytest.raises(DataError, match=says):
        read(photos)


def test_colours_among_numbers_and_wrong_arrays_are_refused(photos: Path) -> None:
    Image.new("L", (32, 16)).save(photos / "masks" / "a.png")
    Image.new("RGB", (32, 16)).save(photos / "masks" / "b.png")
    with pytest.raises(DataError, match="Save all in one way"):
        read(photos)
    data = open_data(photos / "photos", size=16)
    np.save(photos / "masks.npy", np.zeros((3, 16, 16)))
    with pytest.raises(DataError, match=r"here \[2, H, W\]"):
        read_masks(str(photos / "masks.npy"), data, torch.arange(2))
    with pytest.raises(UsageError, match="There are no masks"):
        read_masks("nothing", data, torch.arange(2))


@pytest.mark.parametrize("paper", [0, 255])
def test_ink_is_what_stands_out_from_the_paper(paper: int) -> None:
    """Black on white or white on black, the strokes are the ink."""
    images = torch.full((3, 1, 8, 8), paper, dtype=torch.uint8)
    images[:, :, 2:6, 3:5] = 255 - paper
    data = Dataset("strokes", Memory(images), labels=torch.tensor([0, 1, 1]), classes=("a", "b"))
    stroke = torch.zeros(3, 8, 8, dtype=torch.long)
    stroke[:, 2:6, 3:5] = 1
    rows = torch.arange(3)
    assert torch.equal(read_masks("ink", data, rows).classes, stroke)
    by_class = read_masks("ink-by-class", data, rows)
    assert by_class.names == ("ground", "a", "b")
    assert torch.equal(by_class.classes, stroke * torch.tensor([1, 2, 2])[:, None, None])
