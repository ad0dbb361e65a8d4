"""The binary version of CIFAR: records of one label byte (CIFAR-100: two) and 3,072 pixels, plane by plane."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble
from belamy.data.dataset import Attribute, Dataset
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

SIDE, PIXELS = 32, 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_MOST = 1 << 28
"""Bytes that a batch file may hold; the real ones hold 31 MB (CIFAR-10) and 154 MB (CIFAR-100)."""


@dataclass(frozen=True)
class CifarLayout:
    """Which files a version of CIFAR consists of.

    Args:
        train: Batch files of the training split.
        test: Batch files of the test split.
        label_bytes: Label bytes at the start of a record; the last of them is the class.
        names: The file that lists the classes, one a line.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    names: str


TEN = CifarLayout(tuple(f"data_batch_{part}.bin" for part in range(1, 6)), ("test_batch.bin",), 1, "batches.meta.txt")
HUNDRED = CifarLayout(("train.bin",), ("test.bin",), 2, "fine_label_names.txt")


def layout_of(names: set[str]) -> CifarLayout | None:
    """The version whose batch files are among ``names``; a part of them is enough."""
    if names & {*TEN.train, *TEN.test}:
        return TEN
    return HUNDRED if names & {*HUNDRED.train} and HUNDRED.names in names else None


def open_folder(path: Path, name: str, options: LoadOptions, licence: str = "not stated") -> Dataset:
    """CIFAR from the folder that holds its ``.bin`` files."""
    held = {entry.name: entry for entry in path.iterdir() if entry.is_file()}
    return _open(path, name, set(held), lambda file: _limited(held[file]), options, licence)


def open_file(path: Path, name: str, options: LoadOptions, licence: str = "not stated") -> Dataset:
    """One batch file of CIFAR-10."""
    return _open(path, name, {path.name}, lambda _: _limited(path), options, licence)


def open_archive(path: Path, name: str, options: LoadOptions, licence: str = "not stated") -> Dataset:
    """CIFAR from its ``.tar.gz``; members are read in memory, nothing is unpacked to disk."""
    try:
        with tarfile.open(path, "r:*") as archive:
            members = {Path(member.name).name: member for member in archive.getmembers() if member.isfile()}
            contents = {file: _member(path, archive, member) for file, member in members.items() if _wanted(file)}
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole tar archive: {error}.") from error
    held = set(contents) or set(members)
    return _open(path, name, held, lambda file: contents[file], options, licence)


def _open(
    path: Path, name: str, held: set[str], read: Callable[[str], bytes], options: LoadOptions, licence: str
) -> Dataset:
    layout = layout_of(held)
    if layout is None:
        hint = " It looks like the Python version, whose pickles can run code." if "data_batch_1" in held else ""
        raise DataError(f"{path} does not hold the binary version of CIFAR (data_batch_1.bin …).{hint}")
    splits = {
        split: [_records(path, file, read(file), layout) for file in files if file in held]
        for split, files in (("train", layout.train), ("test", layout.test))
    }
    records = np.concatenate([part for parts in splits.values() for part in parts])
    codes = records[:, layout.label_bytes - 1].astype(np.int64)
    classes = _class_names(layout, held, read, int(codes.max()))
    count = {split: sum(len(part) for part in parts) for split, parts in splits.items()}
    official = _splits(count)
    pixels = np.ascontiguousarray(records[:, layout.label_bytes :]).reshape(-1, 3, SIDE, SIDE)
    labels = torch.from_numpy(codes)
    attributes: Mapping[str, Attribute] = {"class": Attribute(classes, labels)}
    raw = Raw(name=name, labels=labels, classes=classes, attributes=attributes, official=official, licence=licence)
    return assemble(torch.from_numpy(pixels), raw, options)


def _splits(count: Mapping[str, int]) -> dict[str, torch.Tensor] | None:
    if not (count["train"] and count["test"]):
        return None
    total = count["train"] + count["test"]
    return {"train": torch.arange(count["train"]), "test": torch.arange(count["train"], total)}


def _records(path: Path, file: str, content: bytes, layout: CifarLayout) -> np.ndarray:
    length = layout.label_bytes + PIXELS
    if not content or len(content) % length:
        raise DataError(
            f"{file} of {path} is damaged: its {len(content):,} bytes are no whole number of records of {length}."
        )
    return np.frombuffer(content, np.uint8).reshape(-1, length)


def _class_names(layout: CifarLayout, held: set[str], read: Callable[[str], bytes], largest: int) -> tuple[str, ...]:
    names: tuple[str, ...] = CLASSES if layout is TEN else ()
    if layout.names in held:
        names = tuple(read(layout.names).decode("utf-8", "replace").split()) or names
    return names if len(names) > largest else tuple(str(code) for code in range(largest + 1))


def _wanted(file: str) -> bool:
    return file in {*TEN.train, *TEN.test, TEN.names, *HUNDRED.train, *HUNDRED.test, HUNDRED.names}


def _member(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None or member.size > _MOST:
        raise DataError(f"{member.name} in {path} declares {member.size:,} bytes: this is not CIFAR.")
    return stream.read()


def _limited(path: Path) -> bytes:
    if path.stat().st_size > _MOST:
        raise DataError(f"{path} holds {path.stat().st_size:,} bytes: this is not a batch of CIFAR.")
    return path.read_bytes()
