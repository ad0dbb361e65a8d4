"""Folders and zip archives of pictures: size, colour, labels, splits, damage and tricks."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import Batches, open_data
from belamy.data.layout import read_layout
from belamy.errors import DataError, UsageError

NAMES = tuple(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(15))


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def every(dataset):
    return dataset.images(torch.arange(len(dataset)))


def test_labels_come_from_sub_folders(pictures):
    dataset = open_data(pictures(*NAMES))
    assert dataset.shape == (3, 12, 12)
    assert dataset.classes == ("cat", "dog")
    assert dataset.label_counts() == {"cat": 15, "dog": 15}
    assert [dataset.classes[code] for code in dataset.labels] == [name.split("/")[0] for name in dataset.names]
    assert {name: len(indices) for name, indices in dataset.splits.items()} == {"train": 27, "test": 3}


def test_pixels_are_those_of_the_files(pictures):
    folder = pictures(*NAMES)
    dataset = open_data(folder)
    for index in (0, 7, 29):
        expected = np.asarray(Image.open(folder / dataset.names[index])).transpose(2, 0, 1)
        assert np.array_equal(dataset.images(torch.tensor([index]))[0].numpy(), expected)


def test_a_zip_equals_its_folder(pictures, tmp_path):
    folder = pictures(*NAMES)
    archive = zipped(folder, tmp_path / "photos.zip")
    one, other = open_data(folder), open_data(archive)
    assert one.names == other.names
    assert torch.equal(every(one), every(other))
    assert one.fingerprint == other.fingerprint
    assert (other.name, other.classes) == ("photos", ("cat", "dog"))


@pytest.mark.parametrize("packed", [False, True])
def test_streaming_equals_memory(pictures, tmp_path, packed):
    source = pictures(*NAMES, height=20, width=31)
    if packed:
        source = zipped(source, tmp_path / "photos.zip")
    memory = open_data(source, cache=tmp_path / "cache")
    streamed = open_data(source, memory_budget=1000, cache=tmp_path / "cache")
    assert (memory.streams, streamed.streams) == (False, True)
    assert torch.equal(every(memory), every(streamed))
    assert memory.names == streamed.names
    assert torch.equal(memory.labels, streamed.labels)
    for name, indices in memory.splits.items():
        assert torch.equal(indices, streamed.splits[name])
    one, other = (Batches(dataset, "train", 8, 0) for dataset in (memory, streamed))
    assert all(torch.equal(next(one).images, next(other).images) for _ in range(5))


def test_damage_is_found_once_and_remembered_when_streaming(pictures, tmp_path):
    folder = pictures(*NAMES, height=40, width=40)
    whole = (folder / "cat/3.png").read_bytes()
    (folder / "cat/3.png").write_bytes(whole[: len(whole) // 2])
    options = {"memory_budget": 1000, "cache": tmp_path / "cache"}
    first, again = open_data(folder, **options), open_data(folder, **options)
    assert [name for name, _ in first.skipped] == ["cat/3.png"]
    assert first.skipped == again.skipped
    assert len(first) == len(again) == 29
    assert len(list((tmp_path / "cache/verified").iterdir())) == 1
    assert first.skipped == open_data(folder).skipped
    (folder / "dog/1.png").unlink()
    with pytest.raises(
        DataError, match=r"dog/1\.png could be read when the data was opened, but not now: No such file"
    ):
        every(again)


def test_the_fingerprint_of_a_stream_sees_files_change(pictures, tmp_path):
    folder = pictures(*NAMES)
    options = {"memory_budget": 1000, "cache": tmp_path / "cache"}
    before = open_data(folder, **options)
    assert before.fingerprint == open_data(folder, **options).fingerprint
    assert before.fingerprint != open_data(folder, size=8, **options).fingerprint
    os.utime(folder / "cat/1.png", ns=(1, 1))
    assert before.fingerprint != open_data(folder, **options).fingerprint
    assert "sizes and times" in before.card()["fingerprint_of"]


@pytest.mark.parametrize(("side", "expected"), [(5, 8), (28, 28), (30, 32), (33, 32), (64, 64), (300, 64)])
def test_the_size_is_the_median_short_side_at_most_64(pictures, side, expected):
    folder = pictures("1.png", "2.png", "3.png", height=side, width=side + 9)
    assert open_data(folder).shape == (3, expected, expected)
    assert open_data(folder, size=16).shape == (3, 16, 16)


def test_one_colour_picture_makes_all_of_them_colour(pictures):
    folder = pictures("1.png", "2.png", channels=1)
    assert open_data(folder).shape == (1, 12, 12)
    assert open_data(folder, channels=3).shape == (3, 12, 12)
    Image.new("RGB", (12, 12), (9, 80, 160)).save(folder / "3.png")
    dataset = open_data(folder)
    assert dataset.shape == (3, 12, 12)
    assert dict(dataset.origin.modes) == {"L": 2, "RGB": 1}
    assert open_data(folder, channels=1).shape == (1, 12, 12)


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_each_fit_has_its_pixels(tmp_path, how):
    for number in range(3):
        picture = np.zeros((10, 30), np.uint8)
        picture[:, 10:20] = 90
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    image = every(open_data(tmp_path, size=10, fit=how))[0, 0]
    if how == "crop":
        assert image.unique().tolist() == [90]
    elif how == "pad":
        assert image[:3].min() == image[-3:].min() == 255
        assert image[4:6, :2].max() < 20
    else:
        assert image[:, 0].max() < 20
        assert image[:, 5].min() > 60


def test_unreadable_files_are_skipped_and_listed(pictures):
    folder = pictures(*NAMES)
    (folder / "cat/text.png").write_text("I am no image")
    (folder / "dog/empty.jpg").touch()
    whole = (folder / "dog/3.png").read_bytes()
    (folder / "dog/cut.png").write_bytes(whole[: len(whole) - 200])
    dataset = open_data(folder)
    assert len(dataset) == 30
    reasons = dict(dataset.skipped)
    assert list(reasons) == ["cat/text.png", "dog/cut.png", "dog/empty.jpg"]
    assert "not an image" in reasons["cat/text.png"]
    assert "the file is empty" in reasons["dog/empty.jpg"]
    assert "truncated" in reasons["dog/cut.png"]


def test_a_dangling_link_and_a_loop_do_no_harm(pictures):
    folder = pictures("a/1.png", "b/2.png")
    (folder / "a/gone.png").symlink_to(folder / "nowhere.png")
    (folder / "a/loop").symlink_to(folder)
    dataset = open_data(folder)
    assert len(dataset) == 2
    assert [name for name, _ in dataset.skipped] == ["a/gone.png"]


def test_hidden_files_are_left_out_and_others_counted(pictures):
    folder = pictures("1.png", "2.png", ".hidden/3.png", "._4.png")
    (folder / "notes.txt").write_text("hello")
    (folder / "README").write_text("hello")
    dataset = open_data(folder)
    assert dataset.names == ("1.png", "2.png")
    assert dict(dataset.origin.ignored) == {".txt": 1, "nameless": 1}


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "holds no images"),
        (lambda folder: (folder / "a.txt").write_text("x"), r"holds no images, only 1 \.txt file"),
        (lambda folder: (folder / "a.png").write_text("x"), r"None of the 1 image\(s\).*a\.png: not an image"),
        (lambda folder: Image.new("L", (9, 9)).save(folder / "a.png"), r"only one image that can be read, a\.png"),
    ],
)
def test_a_folder_to_learn_nothing_from_is_explained(pictures, prepare, message):
    folder = pictures()
    prepare(folder)
    with pytest.raises(DataError, match=message):
        open_data(folder)


def test_a_missing_path_names_the_nearest_there_is(pictures):
    folder = pictures("1.png")
    with pytest.raises(DataError, match="Did you mean 'photos' in"):
        open_data(str(folder.parent / "photo" / "deep"))
    with pytest.raises(DataError, match="exists, but holds no 'zzz'"):
        open_data(folder.parent / "zzz")


def test_an_unknown_name_suggests_sets_and_folders(pictures, monkeypatch):
    monkeypatch.chdir(pictures("1.png").parent)
    with pytest.raises(UsageError, match="Did you mean 'mnist'"):
        open_data("minst")
    with pytest.raises(UsageError, match="Did you mean 'photos'"):
        open_data("fotos")
    with pytest.raises(UsageError, match="empty"):
        open_data("")


def test_a_named_set_wins_over_a_folder_of_that_name(pictures, monkeypatch):
    monkeypatch.chdir(pictures("1.png", "2.png", folder="avatars").parent)
    assert len(open_data("avatars")) == 3000
    assert len(open_data("./avatars")) == 2


def test_one_picture_is_no_source(pictures):
    with pytest.raises(DataError, match="give the folder it lies in"):
        open_data(pictures("1.png") / "1.png")


def test_progress_is_reported_to_the_end(pictures):
    seen = []
    open_data(pictures(*NAMES), progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == [(half + 1) // 2 for half in range(1, 61)]  # examined, then read
    assert {total for _, total in seen} == {30}


# ---- what folders say ----


@pytest.mark.parametrize(
    ("names", "classes", "noted"),
    [
        (["1.png", "2.png"], None, False),
        (["a/1.png", "b/2.png"], ("a", "b"), False),
        (["top/a/1.png", "top/b/2.png"], ("a", "b"), False),
        (["a/1.png", "a/2.png"], None, False),
        (["10/1.png", "9/2.png"], ("9", "10"), False),
        (["1.png", "a/2.png"], None, True),
        (["a/1.png", "b/c/2.png"], None, True),
    ],
)
def test_labels_need_every_image_in_a_direct_sub_folder(names, classes, noted):
    layout = read_layout(names)
    assert (layout.label.values if layout.label else None) == classes
    assert bool(layout.notes) == noted


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "test"), {"train": 2, "test": 2}),
        (("training", "valid"), {"train": 2, "test": 2}),
        (("train", "val", "test"), {"train": 2, "validation": 2, "test": 2}),
    ],
)
def test_folders_called_train_and_test_are_splits(pictures, folders, splits):
    dataset = open_data(pictures(*(f"{part}/{kind}/1.png" for part in folders for kind in ("cat", "dog"))))
    assert {name: len(indices) for name, indices in dataset.splits.items()} == splits
    assert dataset.classes == ("cat", "dog")
    assert all(dataset.names[index].startswith("train") for index in dataset.splits["train"])
    assert sorted(torch.cat(list(dataset.splits.values())).tolist()) == list(range(len(dataset)))


# ---- labels from a table ----


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n1.png,red\n2.png,blue\n3.png,red\n",
        "1.png,red\n2.png,blue\n3.png,red\n",
        "label;name\nred;1.png\nblue;2.png\nred;3.png\n",
        "1\tred\n2\tblue\n3\tred\n",
        "\ufefffile,label\r\n./1.png,red\r\nsub\\2.png,blue\r\n3.png,red\r\n",
    ],
)
def test_a_table_gives_labels(pictures, text):
    folder = pictures("1.png", "sub/2.png", "3.png")
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    dataset = open_data(folder, labels="labels.csv")
    assert dict(zip(dataset.names, dataset.labels.tolist(), strict=True)) == {"1.png": 1, "3.png": 1, "sub/2.png": 0}
    assert dataset.classes == ("blue", "red")


def test_further_columns_are_attributes_and_one_is_chosen(pictures, tmp_path):
    folder = pictures("1.png", "2.png", "3.png")
    table = tmp_path / "faces.csv"
    table.write_text("image,smile,hair\n1.png,-1,red\n2.png,1,brown\n3.png,1,red\n")
    with pytest.raises(UsageError, match=r"columns smile, hair. Choose one: --labels .*faces\.csv:smile"):
        open_data(folder, labels=str(table))
    dataset = open_data(folder, labels=f"{table}:hair")
    assert dataset.classes == ("brown", "red")
    assert dataset.attributes["smile"].values == ("no", "yes")
    assert dataset.attributes["smile"].codes.tolist() == [0, 1, 1]
    with pytest.raises(UsageError, match="Did you mean 'hair'"):
        open_data(folder, labels=f"{table}:hiar")


def test_images_and_rows_without_each_other_are_reported(pictures):
    folder = pictures("1.png", "2.png", "3.png", "4.png")
    (folder / "labels.csv").write_text("1.png,a\n2.png,b\n3.png,\n9.png,a\n")
    dataset = open_data(folder, labels="labels.csv")
    assert dataset.names == ("1.png", "2.png")
    assert dataset.skipped == (("3.png", "no label in labels.csv"), ("4.png", "no label in labels.csv"))
    assert dataset.notes == ("labels.csv names 1 absent file(s): 9.png",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a column of file names"),
        ("1.png\n2.png\n", "must have a column of file names"),
        ("x.png,a\ny.png,b\n", r"labels none of the images: it names 'x\.png', where '1\.png' was expected"),
        ("1.png,a\n1.png,b\n", r"names 1\.png twice"),
    ],
)
def test_a_table_that_does_not_fit_is_explained(pictures, text, message):
    folder = pictures("1.png", "2.png")
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        open_data(folder, labels="labels.csv")


def test_a_missing_or_binary_table_is_explained(pictures):
    folder = pictures("1.png", "2.png")
    (folder / "labels.csv").write_bytes(b"\xff\xfe\x00\x01,\x80")
    with pytest.raises(DataError, match=r"not a text in UTF-8 .*it looks like UTF-16"):
        open_data(folder, labels="labels.csv")
    with pytest.raises(UsageError, match=r"no file of labels 'lables\.csv' for photos. Did you mean 'labels\.csv'"):
        open_data(folder, labels="lables.csv")


# ---- archives with intent ----


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", "..\\evil.png"])
def test_an_archive_whose_names_lead_out_is_refused(tmp_path, name):
    path = tmp_path / "trap.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fine.png", b"")
        archive.writestr(name, b"")
    with pytest.raises(DataError, match="leads out of the archive"):
        open_data(path)


def test_an_entry_that_declares_too_much_is_not_unpacked(pictures, tmp_path, monkeypatch):
    path = zipped(pictures(*NAMES), tmp_path / "bomb.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/bomb.png", bytes(2_000_000))
    monkeypatch.setattr("belamy.data.formats.zip._LARGEST", 1_000_000)
    dataset = open_data(path)
    assert dataset.skipped == (("cat/bomb.png", "it declares 2,000,000 bytes unpacked; at most 1,000,000 are read"),)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no zip at all"])
def test_a_broken_archive_is_explained(tmp_path, content):
    path = tmp_path / "photos.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a whole zip archive"):
        open_data(path)


def test_damage_inside_an_archive_is_listed(pictures, tmp_path):
    folder = pictures(*NAMES)
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    content = bytearray(path.read_bytes())
    content[content.index((folder / "dog/4.png").read_bytes()) + 100] ^= 0xFF
    path.write_bytes(content)
    dataset = open_data(path)
    assert len(dataset) == 29
    assert dataset.skipped[0][0] == "dog/4.png"
    assert "CRC" in dataset.skipped[0][1]


def test_names_that_are_no_text_are_read_and_shown(pictures, tmp_path):
    folder = pictures("1.png", "2.png")
    strange = os.fsencode(folder) + b"/\xff.png"
    os.rename(folder / "2.png", strange)
    for options in ({}, {"memory_budget": 100, "cache": tmp_path / "cache"}):
        dataset = open_data(folder, **options)
        assert dataset.names == ("1.png", "\\udcff.png")
        assert every(dataset).shape == (2, 3, 12, 12)
        assert len(dataset.fingerprint) == 64


@pytest.mark.parametrize("content", ["{", "[]", '{"damaged": {"999": "no such file"}}', '{"damaged": 1}', "\x00"])
def test_a_damaged_memory_of_damage_is_looked_at_anew(pictures, tmp_path, content):
    folder = pictures("1.png", "2.png", "3.png")
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:200])
    options = {"memory_budget": 100, "cache": tmp_path / "cache"}
    expected = open_data(folder, **options).skipped
    (memory,) = (tmp_path / "cache/verified").iterdir()
    memory.write_text(content)
    assert open_data(folder, **options).skipped == expected != ()


def test_a_cache_that_cannot_be_written_does_not_stop_streaming(pictures, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert len(open_data(pictures(*NAMES), memory_budget=100, cache=tmp_path / "cache")) == 30


@pytest.mark.parametrize("source", ["~nobody-of-this-name/photos", "x" * 5000 + "/y", "a\0b/c", "photos/", "/dev/null"])
def test_odd_paths_are_explained(source):
    with pytest.raises(DataError):
        open_data(source)


def test_a_folder_that_may_not_be_read_is_explained(pictures, monkeypatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    folder = pictures("1.png")
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"photos cannot be read: Permission denied\."):
        open_data(folder)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(DataError, match="is not data that Belamy reads"):
        open_data(tmp_path / "pipe.npy")
