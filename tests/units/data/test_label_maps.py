"""Folders of label maps without pictures: their classes, names, sizes; and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.errors import DataError, UsageError

PALETTE = [0, 0, 0, 255, 0, 0, 0, 255, 0] + [0] * 759


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six maps of three classes, half with a palette, half grey; some pixels of class 255; and a picture in colours."""
    for number in range(6):
        classes = np.zeros((8, 12), np.uint8)
        classes[number : number + 2, :4], classes[:2, 8:], classes[7, 11] = 1, 2, 255
        image = Image.fromarray(classes, mode="P" if number % 2 else "L")
        if number % 2:
            image.putpalette(PALETTE)
        (tmp_path / "maps").mkdir(exist_ok=True)
        image.save(tmp_path / "maps" / f"{number}.png")
    Image.new("RGB", (12, 8)).save(tmp_path / "maps" / "colours.png")
    return tmp_path / "maps"


def test_maps_are_data_of_their_own(folder: Path) -> None:
    (folder / "classes.txt").write_text("ground\nhouse\n\nriver\n")
    data = open_data(folder, modality="label_map:unknown=255")
    assert data.field.modality == "label_map" and data.shape == (8, 12) and len(data) == 6
    assert data.field.classes == ("ground", "house", "river")
    wanted = torch.zeros(8, 12, dtype=torch.int32)
    wanted[3:5, :4], wanted[:2, 8:] = 1, 2
    assert torch.equal(data.store.read(torch.tensor([3]))[0], wanted)
    assert dict(data.skipped) == {"colours.png": "it is a picture in RGB: a label map has a palette, or the classes as "
                                  "grey values"}  # fmt: skip
    assert any("no known class" in note for note in data.notes)
    assert open_data(folder, modality="label_map:unknown=255", size=4).shape == (4, 4)
    assert open_data(folder).field.modality == "image"  # unasked, they are pictures


def test_names_of_classes_and_folders(folder: Path) -> None:
    data = open_data(folder, modality="label_map:unknown=255")
    assert data.field.classes == ("0", "1", "2") and data.classes == ()
    for number in range(6):
        place = folder / ("old" if number < 3 else "new")
        place.mkdir(exist_ok=True)
        (folder / f"{number}.png").rename(place / f"{number}.png")
    (folder / "colours.png").unlink()
    (folder.parent / "names.txt").write_text("a\nb\nc\n")
    told = open_data(folder, modality=f"label_map:unknown=255,classes={folder.parent / 'names.txt'}")
    assert told.classes == ("new", "old") and told.field.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("names", "kind", "says"),
    [
        ("a\nb\n", "label_map:unknown=255", "holds the class 2, but only 2 classes have names"),
        ("a\nb\na\n", "label_map", "holds the name 'a' twice"),
        ("\n", "label_map", "holds no name"),
        (None, "label_map:classes=class.txt", "no file of classes 'class.txt'"),
    ],
)
def test_wrong_names_are_refused(folder: Path, names: str | None, kind: str, says: str) -> None:
    if names is not None:
        (folder / "classes.txt").write_text(names)
    with pytest.raises((UsageError, DataError), match=says):
        open_data(folder, modality=kind)


def test_what_is_no_set_of_maps_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Leave --labels out"):
        open_data(folder, modality="label_map", labels="labels.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture files"):
        open_data(tmp_path / "empty", modality="label_map")
    with pytest.raises(DataError, match="not data of the kind label_map"):
        open_data(folder / "0.png", modality="label_map")
    Image.new("L", (4, 4)).save(folder / "6.png")
    with pytest.raises(DataError, match=r"2 sizes, width x height: 12x8 \(7\), 4x4 \(1\).*--size 12x8"):
        open_data(folder, modality="label_map")
    for number in range(1, 7):
        (folder / f"{number}.png").unlink()
    with pytest.raises(DataError, match="too few label maps that can be read: 1"):
        open_data(folder, modality="label_map", size=8)
