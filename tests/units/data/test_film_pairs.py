"""Pairs of films on disk: folders of equal names, films and frames of all kinds; what is left out, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.data.film_files import FilmFile
from belamy.errors import DataError, UsageError
from belamy.modalities.film_writing import film_writer
from belamy.modalities.label_map import palette

LABELS = "label-film:pairs=folders,input=labels,target=films"


def colours(seed: int, count: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def classes(seed: int, count: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (count, height, width), dtype=np.uint8)


def write_frames(folder: Path, films: np.ndarray) -> None:
    """A folder of numbered PNG files, with a palette where frames are classes."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(films):
        image = Image.fromarray(frame)
        if frame.ndim == 2:
            image.putpalette(palette().tobytes())
        image.save(folder / f"{number:03d}.png")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Four films of 6 frames in labels, films and objects: arrays, frames, and arrays of frames."""
    for side in ("labels", "films", "objects"):
        (tmp_path / side).mkdir()
    for number in range(4):
        if number % 2:
            write_frames(tmp_path / f"labels/{number}", classes(number, 6))
            np.save(tmp_path / f"films/{number}.npy", colours(number, 6))
        else:
            np.save(tmp_path / f"labels/{number}.npy", classes(number, 6))
            write_frames(tmp_path / f"films/{number}", colours(number, 6))
        np.save(tmp_path / f"objects/{number}.npy", 1000 + classes(number + 50, 6).astype(np.int32))
    return tmp_path


def test_both_of_a_pair_are_cut_at_the_same_frames(films: Path) -> None:
    data = open_data(films, modality=LABELS, length=3)
    assert list(data.names or ()) == [
        name for place in range(4) for name in [f"labels/{place}{'' if place % 2 else '.npy'}"] * 2
    ]
    raw = data.raw(torch.arange(8))
    for number in range(4):
        for clip in range(2):
            part = slice(3 * clip, 3 * clip + 3)
            row = 2 * number + clip
            assert np.array_equal(raw["label_film"][row], classes(number, 6)[part])
            assert np.array_equal(raw["target"][row].permute(0, 2, 3, 1), colours(number, 6)[part])
    assert data.field.classes == ("0", "1", "2", "3") and data.extra["target"].field.shape == (3, 3, 12, 16)


def test_objects_keep_their_borders(films: Path) -> None:
    data = open_data(films, modality=f"{LABELS},instances=objects", length=6)
    found, wanted = data.raw(torch.tensor([2]))["instances"][0].numpy(), classes(52, 6)
    assert np.array_equal(np.diff(found.astype(int)) != 0, np.diff(wanted.astype(int)) != 0)


@pytest.mark.parametrize("budget", [1 << 30, 1000])
def test_a_film_is_decoded_once_to_open_it(films: Path, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read to look at it is what is kept, or it is read again when it is asked for."""
    decoded, whole = list[FilmFile](), FilmFile.frames

    def counted(self: FilmFile, *args: Any) -> Any:
        decoded.append(self)
        return whole(self, *args)

    monkeypatch.setattr(FilmFile, "frames", counted)
    open_data(films, modality=f"{LABELS},instances=objects", length=3, memory_budget=budget)
    assert len(decoded) == len({id(film) for film in decoded}) == 12


def test_films_of_which_the_clips_alone_fit_are_kept_too(films: Path) -> None:
    """Of 6 frames, clips of 4 take 4; all frames of a side are more than the budget, all clips are not."""
    budget = 2 * (4 * 4 * 3 * 12 * 16 + 1)
    data = open_data(films, modality=LABELS, length=4, memory_budget=budget)
    assert not data.streams
    assert np.array_equal(data.raw(torch.tensor([2]))["target"][0].permute(0, 2, 3, 1), colours(2, 6)[:4])


def test_read_from_disk_they_are_the_same(films: Path) -> None:
    memory = open_data(films, modality=LABELS, length=2)
    disk = open_data(films, modality=LABELS, length=2, memory_budget=1000)
    some = torch.tensor([1, 5, 10])
    assert memory.raw(some).keys() == disk.raw(some).keys()
    assert all(torch.equal(values, disk.raw(some)[name]) for name, values in memory.raw(some).items())


def test_sizes_and_channels(films: Path) -> None:
    data = open_data(films, modality=f"{LABELS},size=8", length=6)
    assert data.field.shape == (6, 8, 8)
    raw = data.raw(torch.tensor([0]))
    assert set(raw["label_film"].unique().tolist()) <= {0, 1, 2, 3}
    (films / "others").mkdir()
    for number in range(4):
        np.save(films / f"others/{number}.npy", colours(number, 6))
    grey = open_data(films, modality="video:pairs=folders,input=films,target=others,channels=1", length=6)
    assert grey.field.shape == (6, 1, 12, 16)


def test_what_does_not_fit_is_left_out_by_name(films: Path) -> None:
    np.save(films / "labels/alone.npy", classes(1, 6))
    np.save(films / "films/lonely.npy", colours(1, 6))
    for name, film in (("short", colours(1, 5)), ("wide", colours(1, 6, width=20))):
        np.save(films / f"labels/{name}.npy", classes(1, 6))
        np.save(films / f"films/{name}.npy", film)
    np.save(films / "labels/broken.npy", classes(1, 6))
    (films / "films/broken.npy").write_bytes(b"nothing")
    skipped = dict(open_data(films, modality=LABELS, length=6).skipped)
    assert skipped["labels/alone.npy"] == "there is no file of that name in films"
    assert skipped["films/lonely.npy"] == "there is no file of that name in labels"
    assert skipped["films/short.npy"] == "it has 5 frames, but labels/short.npy has 6"
    assert skipped["films/wide.npy"] == "its size 20x12 differs from 16x12 of labels/wide.npy"
    assert "films/broken.npy" in skipped and len(skipped) == 5


def test_folders_called_train_and_test_are_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            write_frames(tmp_path / split / "labels" / str(number), classes(number, 2))
            write_frames(tmp_path / split / "films" / str(number), colours(number, 2))
    data = open_data(tmp_path, modality=LABELS)
    assert {name: len(indices) for name, indices in data.splits.items()} == {"train": 3, "test": 2}


def test_films_that_play_keep_their_rate(tmp_path: Path) -> None:
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for number, rate in enumerate((10, 10, 20)):
            writer = film_writer(tmp_path / side / f"{number}.gif", ".gif")
            for frame in colours(number, 4):
                writer.add(frame, 1 / rate)
            writer.close()
    data = open_data(tmp_path, modality="video:pairs=folders,input=a,target=b")
    assert data.field.rate == 10 and len(data) == 2
    assert list(data.skipped) == [("a/2.gif", "it has 20 frames a second, where --rate or most say 10")]


def test_the_next_frame_belongs_to_each(tmp_path: Path) -> None:
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", colours(number, 8))
    raw = open_data(tmp_path, modality="video:pairs=next", length=3, rate=25).raw(torch.arange(6))
    whole = torch.from_numpy(colours(1, 8)).permute(0, 3, 1, 2)
    assert torch.equal(raw["video"][2], whole[0:3]) and torch.equal(raw["target"][2], whole[1:4])
    assert torch.equal(raw["video"][3], whole[4:7]) and torch.equal(raw["target"][3], whole[5:8])


def test_drawn_films_tell_the_next_frame_too() -> None:
    once, pairs = (open_data(f"moving-shapes:count=6,side=8{more}", length=length)
                   for more, length in (("", 5), (",next=true", 4)))  # fmt: skip
    films, raw = once.raw(torch.arange(6))["video"], pairs.raw(torch.arange(6))
    assert torch.equal(raw["video"], films[:, :4]) and torch.equal(raw["target"], films[:, 1:])


@pytest.mark.parametrize(
    ("modality", "options", "said"),
    [
        ("label-film:pairs=beside", {}, "pairs=folders or pairs=next"),
        ("label-film:pairs=next", {}, "video:pairs=next"),
        (LABELS, {"length": 7}, "shorter than a clip of 7"),
        (LABELS, {"labels": "kind"}, "Leave --labels kind out"),
        ("label-film:pairs=folders,input=labels,target=nowhere", {}, "has no folder nowhere"),
        (f"{LABELS},size=2", {}, "must be in 4..1024"),
    ],
)
def test_wrong_uses(films: Path, modality: str, options: dict[str, object], said: str) -> None:
    with pytest.raises((UsageError, DataError), match=said):
        open_data(films, modality=modality, **options)  # type: ignore[arg-type]


def test_films_of_several_lengths_need_one(films: Path) -> None:
    np.save(films / "labels/long.npy", classes(1, 9))
    np.save(films / "films/long.npy", colours(1, 9))
    with pytest.raises(DataError, match=r"films of 6 to 9 frames\. Type --length 6"):
        open_data(films, modality=LABELS)
