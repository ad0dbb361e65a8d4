"""Pairs of pictures: every layout, one geometry for both, and what is left out by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import Batches, open_data
from belamy.errors import DataError, UsageError


def picture(number: int, width: int = 24, height: int = 16, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Saves a picture below a folder."""

    def save(name: str, image: Image.Image) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        return path

    return save


@pytest.fixture
def folders(write: Callable[..., Path], tmp_path: Path) -> Path:
    """Six pairs of grey and coloured pictures in A and B."""
    for number in range(6):
        write(f"A/{number}.png", picture(number, channels=1))
        write(f"B/{number}.bmp", picture(100 + number))
    return tmp_path


class TestLayouts:
    def test_side_by_side(self, write: Callable[..., Path], tmp_path: Path) -> None:
        for number in range(4):
            write(f"{number}.png", picture(number, 48, 16))
        data = open_data(tmp_path, modality="image:pairs=beside", size=16)
        assert data.spec.fields["target"].shape == data.shape == (3, 16, 16)
        raw = data.raw(torch.tensor([2]))
        whole = torch.from_numpy(np.array(picture(2, 48, 16))).permute(2, 0, 1)
        assert torch.equal(raw["image"][0], whole[:, :, 4:20])
        assert torch.equal(raw["target"][0], whole[:, :, 28:44])
        swapped = open_data(tmp_path, modality="image:pairs=beside,input=right", size=16)
        assert torch.equal(swapped.raw(torch.tensor([2]))["image"], raw["target"])

    def test_two_folders_with_equal_names(self, folders: Path) -> None:
        data = open_data(folders, modality="image:pairs=folders", size=16)
        assert (data.shape, data.spec.fields["target"].shape) == ((1, 16, 16), (3, 16, 16))
        assert data.names == tuple(f"A/{number}.png" for number in range(6))
        wanted = torch.from_numpy(np.array(picture(103))).permute(2, 0, 1)[:, :, 4:20]
        assert torch.equal(data.raw(torch.tensor([3]))["target"][0], wanted)

    @pytest.mark.parametrize("place", ["{split}{side}", "{split}/{side}", "{side}/{split}"])
    def test_splits_in_folders(self, write: Callable[..., Path], tmp_path: Path, place: str) -> None:
        for number in range(6):
            for offset, side in ((0, "A"), (100, "B")):
                folder = place.format(split="train" if number < 4 else "test", side=side)
                write(f"{folder}/{number}.png", picture(offset + number))
        data = open_data(tmp_path, modality="image:pairs=folders", size=16)
        held = {name: {data.names[index][-5] for index in indices} for name, indices in data.splits.items()}
        assert held == {"train": {*"0123"}, "test": {*"45"}}
        assert data.labels is None

    def test_named_folders_elsewhere(self, write: Callable[..., Path], tmp_path: Path) -> None:
        for number in range(3):
            write(f"one/edges/{number}.png", picture(number))
            write(f"other/{number}.png", picture(9 + number))
        data = open_data(tmp_path / "one", modality="image:pairs=folders,input=edges,target=../other", size=16)
        assert len(data) == 3

    def test_a_table(self, folders: Path) -> None:
        rows = [f"A/{number}.png;B/{5 - number}.bmp;{'test' if number > 3 else 'train'}" for number in range(6)]
        (folders / "t.csv").write_text("\n".join(["drawing;photo;split", *rows]))
        data = open_data(folders / "t.csv", modality="image:pairs=table,input=drawing,target=photo", size=16)
        wanted = torch.from_numpy(np.array(picture(104))).permute(2, 0, 1)[:, :, 4:20]
        place = data.names.index("A/1.png")
        assert torch.equal(data.raw(torch.tensor([place]))["target"][0], wanted)
        assert {name: len(indices) for name, indices in data.splits.items()} == {"train": 4, "test": 2}

    def test_arrays(self, tmp_path: Path) -> None:
        lines, images = (
            np.random.default_rng(n).integers(0, 256, s, dtype=np.uint8)
            for n, s in ((1, (9, 8, 12)), (2, (9, 8, 12, 3)))
        )
        np.savez(tmp_path / "p.npz", lines=lines, images=images, labels=np.arange(9) % 3)
        data = open_data(tmp_path / "p.npz", modality="image:pairs=arrays,input=lines,target=images")
        raw = data.raw(torch.arange(9))
        assert torch.equal(raw["image"][:, 0], torch.from_numpy(lines))
        assert torch.equal(raw["target"], torch.from_numpy(images).permute(0, 3, 1, 2))
        assert data.classes == ("0", "1", "2")

    def test_label_maps_with_instances(self, write: Callable[..., Path], tmp_path: Path) -> None:
        for number in range(4):
            classes = Image.fromarray(np.array(picture(number, channels=1)) % 5, "P")
            classes.putpalette(bytes(range(256)) * 3)
            write(f"labels/{number}.png", classes)
            write(f"inst/{number}.png", Image.fromarray(np.array(picture(number, channels=1)).astype(np.uint16) * 7))
            write(f"photos/{number}.png", picture(50 + number))
        kind = "label_map:pairs=folders,input=labels,target=photos,instances=inst,unknown=4"
        data = open_data(tmp_path, modality=kind, size=8)
        assert data.spec.main == "label_map" and data.classes == ()
        assert {name: field.shape for name, field in data.spec.fields.items()} == {
            "label_map": (8, 8), "target": (3, 8, 8), "instances": (8, 8),
        }  # fmt: skip
        raw = data.raw(torch.arange(4))
        # 24x16 is cut to the middle 16x16; of two pixels one is taken, none is mixed.
        own = np.array(picture(2, channels=1))[:, 4:20]
        ids = own % 5
        assert set(raw["label_map"][2].unique().tolist()) <= {0, 1, 2, 3}
        assert torch.equal(
            raw["label_map"][2], torch.from_numpy(np.where(ids == 4, 0, ids)[1::2, 1::2].astype(np.int32))
        )
        assert torch.equal(raw["instances"][2], torch.from_numpy(own[1::2, 1::2].astype(np.int32) * 7))
        assert "have no known class" in data.notes[0]

    def test_two_sides_that_are_not_aligned_are_two_permutations(self, folders: Path) -> None:
        data = open_data(folders / "A", other=folders / "B", size=8)
        seen = [next(batches) for batches in [Batches(data, "train", 6, 0)] for _ in range(4)]
        sides = [
            [{tuple(row.flatten().tolist()) for row in batch[name]} for batch in seen] for name in ("image", "other")
        ]
        assert all(len(rows) == 6 for side in sides for rows in side)  # a whole pass each, none twice


class TestGeometry:
    @pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
    def test_both_are_brought_to_their_size_alike(self, write: Callable[..., Path], tmp_path: Path, fit: str) -> None:
        for number in range(3):
            same = picture(number, 40, 24)
            for side in "AB":
                write(f"{side}/{number}.png", same)
        data = open_data(tmp_path, modality="image:pairs=folders", size=16, fit=fit)
        raw = data.raw(torch.arange(3))
        assert torch.equal(raw["image"], raw["target"])

    def test_a_size_no_longer_cuts_the_middle_out_of_a_pair(self, write: Callable[..., Path], tmp_path: Path) -> None:
        for number in range(3):
            whole = Image.new("RGB", (64, 32), "red")
            whole.paste(Image.new("RGB", (32, 32), "blue"), (32, 0))
            write(f"{number}.png", whole)
        raw = open_data(tmp_path, modality="image:pairs=beside", size=32).raw(torch.arange(3))
        assert {tuple(each.amax((0, 2, 3)).tolist()) for each in raw.values()} == {(255, 0, 0), (0, 0, 255)}

    def test_a_set_larger_than_memory_is_read_from_disk(self, folders: Path, tmp_path: Path) -> None:
        given = {"modality": "image:pairs=folders", "size": 16}
        small = open_data(folders, memory_budget=1000, cache=tmp_path / "cache", **given)
        assert small.streams and small.extra["target"].store.streams
        for name, values in open_data(folders, **given).raw(torch.arange(6)).items():
            assert torch.equal(small.raw(torch.arange(6))[name], values)


class TestLeftOut:
    def test_what_has_no_partner_or_another_size_or_is_damaged_is_named(
        self, folders: Path, write: Callable[..., Path]
    ) -> None:
        write("A/lonely.png", picture(7))
        write("B/alone.png", picture(7))
        write("A/wide.png", picture(7, 32, 16))
        write("B/wide.png", picture(7))
        write("A/twice.png", picture(7))
        write("A/twice.bmp", picture(7))
        write("B/twice.png", picture(7))
        write("A/broken.png", picture(7))
        write("B/broken.png", picture(7)).write_bytes(b"\x89PNG\r\n\x1a\n half")
        data = open_data(folders, modality="image:pairs=folders", size=16)
        assert len(data) == 6
        told = dict(data.skipped)
        assert told["A/lonely.png"] == "there is no file of that name in B"
        assert told["B/alone.png"] == "there is no file of that name in A"
        assert told["B/wide.png"] == "its size 24x16 differs from 32x16 of A/wide.png"
        assert (
            told["A/twice.png"]
            == told["A/twice.bmp"]
            == "A/twice.bmp and A/twice.png have one name, so its partner is not known"
        )
        assert "B/broken.png" in told

    def test_a_row_that_names_no_file(self, folders: Path) -> None:
        (folders / "t.csv").write_text(
            "image,target\nA/0.png,B/0.bmp\nA/1.png,B/1.bmp\nA/2.png,B/nine.bmp\nA/0.png,B/3.bmp\n,\n"
        )
        data = open_data(folders / "t.csv", modality="image:pairs=table", size=16)
        assert data.skipped == (
            ("row 4", "it names B/nine.bmp, which is no file"),
            ("row 5", "an earlier row names A/0.png too"),
            ("row 6", "it names nothing, which is no file"),
        )

    def test_a_picture_of_odd_width_is_no_pair_side_by_side(self, write: Callable[..., Path], tmp_path: Path) -> None:
        for number in range(3):
            write(f"{number}.png", picture(number, 32, 16))
        write("odd.png", picture(9, 33, 16))
        data = open_data(tmp_path, modality="image:pairs=beside", size=16)
        assert data.skipped == (("odd.png", "its width of 33 pixels is odd, so it is no pair side by side"),)


@pytest.mark.parametrize(
    ("modality", "words"),
    [
        ("image:pairs=besid", "There is no layout of pairs 'besid'. Did you mean 'beside'"),
        ("image:pairs=beside,input=top", "input is 'top', but of pairs side by side it must be left or right"),
        ("image:pairs=beside,target=right", "layout of pairs 'beside' has no option 'target'. Known: input"),
        ("image:pairs=folders,input=A,target=A", "input and target are both the folder 'A'"),
        ("image:pairs=folders,input=edges", "has no folder edges .*it has A, B"),
        ("image:pairs=table", "Pairs in a table need a CSV file, but .* is a folder"),
        ("image:pairs=arrays", "Pairs as arrays need one .npz file"),
        ("image:input=A", "--modality image:input=A names a side of pairs, but not how they lie"),
    ],
)
def test_wrong_words_are_refused(folders: Path, modality: str, words: str) -> None:
    with pytest.raises((UsageError, DataError), match=words):
        open_data(folders, modality=modality)


def test_wrong_tables_and_arrays_are_refused(folders: Path, tmp_path: Path) -> None:
    (folders / "t.csv").write_text("drawing,photo\nA/0.png,B/0.bmp\n")
    with pytest.raises(UsageError, match=r"no column 'image'.* --modality image:pairs=table,input=COLUMN"):
        open_data(folders / "t.csv", modality="image:pairs=table")
    np.savez(
        tmp_path / "p.npz",
        a=np.zeros((4, 8, 8), np.uint8),
        b=np.zeros((5, 8, 8), np.uint8),
        c=np.zeros((4, 8, 9), np.uint8),
    )
    for words, kind in (
        ("has no array 'image'", "image:pairs=arrays"),
        ("'a' in .* has 4 pictures and 'b' has 5", "image:pairs=arrays,input=a,target=b"),
        ("'a' in .* has 8x8 pixels and 'c' has 9x8", "image:pairs=arrays,input=a,target=c"),
    ):
        with pytest.raises(DataError, match=words):
            open_data(tmp_path / "p.npz", modality=kind)
    with pytest.raises(UsageError, match="Pairs side by side lie in a folder"):
        open_data(tmp_path / "p.npz", modality="image:pairs=beside")
