"""Files that are damaged, made to harm, or no files: what is wrong is passed over by name, the rest is read."""

import gzip
import io
import json
import os
import socket
import struct
import tarfile
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import Dataset, open_data
from belamy.data.dataset import Attribute, Memory
from belamy.data.files import Room, visible
from belamy.data.formats.idx import write_idx
from belamy.errors import DataError, Unreadable, UsageError

NAMES = tuple(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(5))
GREY = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)


def soon(source: object, **options: object) -> Dataset | Exception:
    """What opening gives, or the error; a test fails where opening waits for ever."""
    found: list[Dataset | Exception] = []

    def work() -> None:
        try:
            found.append(open_data(source, **options))
        except Exception as error:
            found.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(20)
    assert found, "it hangs"
    return found[0]


# ---- what is no file ----


def test_pipes_and_sockets_among_pictures_are_passed_over_by_name(pictures, tmp_path, monkeypatch):
    folder = pictures(*NAMES)
    os.mkfifo(folder / "cat/pipe.png")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("dog/socket.png")
        for options in ({}, {"memory_budget": 100, "cache": tmp_path / "cache"}):
            data = soon(folder, **options)
            assert len(data) == 10
            assert data.skipped == (
                ("cat/pipe.png", "it is a named pipe, not a file"),
                ("dog/socket.png", "it is a socket, not a file"),
            )


@pytest.mark.parametrize("name", ["pipe", "pipe.tar.gz", "pipe.npz", "pipe.txt", "pipe.zip", "data_batch_1.bin"])
def test_a_pipe_is_no_data(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert "is not data that Belamy reads" in str(soon(tmp_path / name))


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "data_batch_1.bin", "a.txt"])
def test_a_pipe_where_a_format_looks_for_a_file_does_not_hang(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for text in ("b.txt", "c.txt"):
        (tmp_path / text).write_text("some words")
    assert isinstance(soon(tmp_path), DataError)


# ---- zip archives ----


def packed(path: Path, folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def directory_entry(content: bytes, name: bytes) -> int:
    """Where the entry of a name starts in the central directory."""
    return content.rindex(b"PK\1\2", 0, content.rindex(name))


def lzma_flip(content: bytearray) -> None:
    start = content.index(b"dog/2.png") + 9
    content[start + 60 : start + 90] = bytes(30)


def no_name(content: bytearray) -> None:
    at = directory_entry(content, b"dog/2.png")
    struct.pack_into("<H", content, at + 28, 0)
    struct.pack_into("<H", content, at + 30, 9)  # what was the name is an extra field now, and no whole one


def version(content: bytearray) -> None:
    content[directory_entry(content, b"dog/2.png") + 6] = 99


def method(content: bytearray) -> None:
    content[directory_entry(content, b"dog/2.png") + 10] = 77


def name_in_no_encoding(content: bytearray) -> None:
    at = directory_entry(content, b"dog/2.png")
    content[at + 9] |= 0x08
    content[at + 46 + 4] = 0xFF


def signature(content: bytearray) -> None:
    content[directory_entry(content, b"dog/2.png") + 2] = 9


@pytest.mark.parametrize("damage", [lzma_flip, no_name, version, method, name_in_no_encoding, signature])
def test_one_damaged_entry_does_not_cost_the_archive(pictures, tmp_path, damage):
    path = packed(tmp_path / "x.zip", pictures(*NAMES), zipfile.ZIP_LZMA if damage is lzma_flip else zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    data = open_data(path)
    assert len(data) == 9
    assert len(data.skipped) == 1 or (damage is no_name and data.origin.ignored == {"nameless": 1})
    assert all(name.startswith("dog/") for name, _ in data.skipped)


def test_an_entry_without_a_name_is_passed_over(pictures, tmp_path):
    path = packed(tmp_path / "x.zip", pictures(*NAMES))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(""), b"x")
    assert len(open_data(path)) == 10


# ---- arrays ----


def header(text: str, version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H", len(text)) + text.encode()


BROKEN_HEADERS = {
    "no Python": header("{'descr': '|u1', 'fortran_order': Fal"),
    "22 digits": header("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999999999, 8, 8), }\n"),
    "negative": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 8, 8), }\n") + bytes(256),
    "nested": header("{'descr': " + "[" * 3000 + "]" * 3000 + "}\n"),
    "version": header("{}", 9),
    "short": b"\x93NUMPY\1\0\x76",
}


@pytest.mark.parametrize("kind", BROKEN_HEADERS)
def test_a_header_that_cannot_be_right_is_explained(tmp_path, kind):
    path = tmp_path / "x.npy"
    path.write_bytes(BROKEN_HEADERS[kind])
    with pytest.raises(DataError, match=r"x\.npy cannot be read: its header"):
        open_data(path)


@pytest.mark.parametrize("kind", BROKEN_HEADERS)
def test_a_damaged_array_beside_the_images_is_passed_over_by_name(tmp_path, kind):
    path = tmp_path / "x.npz"
    np.savez(path, images=GREY, labels=np.arange(24) % 3)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("smile.npy", BROKEN_HEADERS[kind])
    data = open_data(path)
    assert np.array_equal(data.images(torch.arange(24))[:, 0].numpy(), GREY)
    assert data.label_counts() == {"0": 8, "1": 8, "2": 8}
    assert [name for name, _ in data.skipped] == ["smile"]


def test_labels_that_fail_their_checksum_cost_the_labels_only(tmp_path):
    path = tmp_path / "x.npz"
    labels = np.arange(24) % 3
    np.savez(path, images=GREY, labels=labels, trap=np.array([Path], dtype=object))
    content = bytearray(path.read_bytes())
    content[content.index(labels.tobytes()) + 8] = 2
    path.write_bytes(content)
    data = open_data(path)
    assert data.labels is None and len(data) == 24
    reasons = dict(data.skipped)
    assert "CRC" in reasons["labels"] and "could run code" in reasons["trap"]


def test_images_that_fail_their_checksum_are_explained(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, images=GREY)
    content = bytearray(path.read_bytes())
    content[content.index(GREY.tobytes()) + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="images, because Bad CRC"):
        open_data(path)


# ---- tar archives ----


def cifar(path: Path, mode: str = "w:gz") -> list[int]:
    """An archive of three batches, and where each header lies in it."""
    source, places = np.random.default_rng(0), []
    with tarfile.open(path, mode) as archive:
        for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
            content = source.integers(0, 9, (4, 3073), dtype=np.uint8).tobytes()
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            places.append(archive.offset)
            archive.addfile(member, io.BytesIO(content))
    return places


def test_a_damaged_header_costs_one_batch(tmp_path):
    path = tmp_path / "c.tar"
    places = cifar(path, "w")
    content = bytearray(path.read_bytes())
    content[places[1] + 3] ^= 0xFF
    path.write_bytes(content)
    data = open_data(path)
    assert len(data) == 8
    assert data.skipped == ((f"what lies at byte {places[1]:,} of the archive", "its header is damaged"),)


def test_an_archive_that_ends_early_keeps_what_was_read(tmp_path):
    path = tmp_path / "c.tar.gz"
    cifar(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    data = open_data(path)
    assert len(data) == 4
    assert data.skipped[-1][0] == "the rest of the archive"


def test_a_batch_of_no_whole_records_is_passed_over(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(bytes(3073 * 3))
    (tmp_path / "data_batch_2.bin").write_bytes(bytes(100))
    data = open_data(tmp_path)
    assert len(data) == 3
    assert data.skipped == (("data_batch_2.bin", "its 100 bytes are no whole number of records of 3073"),)


def test_a_tar_header_that_asks_for_gigabytes_is_refused(tmp_path):
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, (1 << 33) - 1
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20)))
    with pytest.raises(DataError, match="unpacks to more than"):
        open_data(tmp_path / "x.tar.gz")


# ---- bounds ----


def measured_peak(source: Path, **options: object) -> int:
    """The most bytes that Python and numpy held while the source was opened."""
    tracemalloc.start()
    try:
        open_data(source, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["idx.gz", "npz", "float npz"])
def test_packed_images_are_never_unpacked_as_a_whole(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("belamy.data.arrays.STEP", 1 << 18)
    images = np.zeros((2000, 50, 50), np.uint8)
    path = tmp_path / f"x.{kind.split()[-1]}"
    if kind == "idx.gz":
        path.write_bytes(gzip.compress(write_idx(images), 1))
    else:
        np.savez_compressed(path, images=images.astype(np.float32) if kind == "float npz" else images)
    assert path.stat().st_size < images.nbytes / 50
    small = open_data(path, size=8)
    assert small.shape == (1, 8, 8) and not small.images(torch.arange(9)).any()
    assert measured_peak(path, size=8) < images.nbytes / 2


@pytest.mark.parametrize("name", ["x.idx.gz", "x.npz"])
def test_packed_images_beyond_the_budget_are_refused_before_they_are_read(tmp_path, name):
    images = np.zeros((2000, 64, 64), np.uint8)
    if name == "x.npz":
        np.savez_compressed(tmp_path / name, images=images)
    else:
        (tmp_path / name).write_bytes(gzip.compress(write_idx(images), 1))
    with pytest.raises(DataError, match="makes 8,192,000 bytes of images, more than the memory budget of 1,000,000"):
        open_data(tmp_path / name, memory_budget=1_000_000)
    assert len(open_data(tmp_path / name, memory_budget=1_000_000, size=8)) == 2000


def test_a_table_with_one_endless_row_is_refused(pictures):
    folder = pictures("1.png", "2.png")
    (folder / "wide.csv").write_text("1.png,a\n" * 3000 + "2.png" + "," * 1_000_000 + "b\n")
    with pytest.raises(DataError, match=r"the longest of 1,000,001 cells: too much for a table of labels"):
        open_data(folder, labels="wide.csv")
    (folder / "long.csv").write_text("1.png,a\n2.png," + "b" * 2_000_000)
    with pytest.raises(DataError, match="row 2 has 2,000,006 characters"):
        open_data(folder, labels="long.csv")


def test_text_of_too_many_documents_or_words_is_refused(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("a b\n" * 30_000)
    with pytest.raises(DataError, match="more than the memory budget of 1,000 bytes"):
        open_data(path, memory_budget=1000)
    letters = "abcdefghijklmnopqrst"
    path.write_text(
        "\n".join(" ".join(f"{a}{b}{c}{d}" for c in letters for d in letters) for a in letters for b in letters)
    )
    with pytest.raises(DataError, match="different words"):
        open_data(path, memory_budget=1000, size=4)


def test_many_large_pictures_wait_for_each_other():
    room, inside, most = Room(1 << 26), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with room.taking(1 << 25):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1

    workers = [threading.Thread(target=work) for _ in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most <= 2
    with pytest.raises(Unreadable, match="more than the memory budget"), room.taking(1 << 27):
        pass


def test_a_picture_larger_than_the_budget_is_passed_over(tmp_path):
    for number in range(2):
        Image.new("L", (9, 9), number).save(tmp_path / f"{number}.png")
    Image.new("RGBA", (3000, 3000)).save(tmp_path / "large.png")
    data = open_data(tmp_path, memory_budget=1000, cache=tmp_path / "cache")
    assert data.skipped == (
        ("large.png", "reading it takes 180,000,000 bytes, more than the memory budget of 67,108,864"),
    )


# ---- what is shown ----

ESCAPE = "\x1b[2J"


def test_control_characters_are_written_out():
    assert visible("a\x1b[31m\0\r\n\x9bé–\u202eb") == "a\\x1b[31m\\x00\\r\\n\\x9bé–\\u202eb"


def test_no_control_character_of_files_and_tables_is_passed_on(pictures, tmp_path):
    folder = pictures(f"{ESCAPE}cat/1.png", "dog/2.png")
    (folder / f"dog/{ESCAPE}.png").write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    (folder / "t.csv").write_text(f"file,la{ESCAPE}bel,b\n1.png,a{ESCAPE},x\n2.png,b,{ESCAPE}y\n{ESCAPE}.png,c,z\n")
    opened = [
        open_data(folder),
        open_data(tmp_path / "x.zip"),
        open_data(folder, labels=f"t.csv:{visible(f'la{ESCAPE}bel')}"),
        Dataset(
            "\0",
            Memory(torch.zeros(2, 1, 4, 4)),
            labels=torch.zeros(2).long(),
            classes=(ESCAPE,),
            attributes={ESCAPE: Attribute((ESCAPE,), torch.zeros(2).long())},
            notes=(ESCAPE,),
        ),
    ]
    for data in opened:
        said = json.dumps([data.card(), data.names, dict(data.origin.ignored)])  # which writes them as \\u001b
        assert "\\u00" not in said and "2J" in said
    assert opened[0].classes == opened[1].classes == ("\\x1b[2Jcat", "dog")
    assert opened[2].classes == ("a\\x1b[2J", "b")


def test_control_characters_in_messages_are_written_out(pictures, tmp_path):
    folder = pictures()
    (folder / f"{ESCAPE}.png").write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        open_data(folder)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(UsageError):
        open_data(folder, labels="nothing.csv")
