"""IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, big-endian sizes, then the values."""

from __future__ import annotations

import math
import re
import struct
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from belamy.data.arrays import Packed, interpret, joined
from belamy.data.assembly import Raw, assemble_rows, categories, official
from belamy.data.dataset import Attribute, Dataset
from belamy.data.files import is_packed, reading, stamp, unpacked
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

BYTES = 0x08
_TYPES = {0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers", 0x0D: "floats", 0x0E: "doubles"}
_MOST_DIMENSIONS = 4
_NAME = re.compile(r"(?P<kind>images|labels)[-._]?idx[13][-._]?ubyte(\.gz)?$", re.IGNORECASE)
_TEST = re.compile(r"(^|[-._])(t10k|test)", re.IGNORECASE)


class Format:
    """IDX files of unsigned bytes, plain or in gzip; a folder has images and labels for training and test."""

    modalities = ("image",)

    def claim(self, path: Path) -> int:
        """2 for an IDX file or a folder with IDX images."""
        if path.is_dir():
            return 2 if find_pairs(path) else 0
        return 2 if path.is_file() and _is_idx(path) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The images, training images first; labels where a file of them is there for all."""
        pairs = find_pairs(path) if path.is_dir() else {"train": (path, labels_beside(path))}
        images = {split: open_idx(pair[0]) for split, pair in pairs.items()}
        labels = [None if pair[1] is None else _labels(pair[1], len(images[split])) for split, pair in pairs.items()]
        marks = [f"{images.name} {stamp(images)}" for images, _ in pairs.values()]
        rows = joined([interpret(part, str(pairs[split][0])) for split, part in images.items()], marks)
        known: Attribute | None = None
        if all(part is not None for part in labels):
            known = categories(np.concatenate([part for part in labels if part is not None]))
        raw = Raw(
            name=path.absolute().name.split(".")[0],
            label=known,
            attributes={"label": known} if known else {},
            official=official(len(images.get("train", ())), len(rows)),
        )
        return assemble_rows(rows, raw, options)


def open_idx(path: Path) -> np.ndarray | Packed:
    """The values of an IDX file of bytes, mapped from disk, or packed where the file is compressed.

    Raises:
        DataError: It is damaged or of another type.
    """
    with reading(f"{path} cannot be read"):
        with unpacked(path) as file:
            shape, offset = _header(path, file)
        promised, held = math.prod(shape), path.stat().st_size - offset
        if is_packed(path):
            return Packed(str(path), partial(_values, path, offset), shape, np.dtype(np.uint8), "Unpack it.")
    if held != promised:
        found = f"only {held:,}" if held < promised else "more"
        raise DataError(f"{path} is damaged: it promises {promised:,} values and holds {found}.")
    return np.memmap(path, np.uint8, "r", offset, shape) if promised else np.empty(shape, np.uint8)


def read_idx(path: Path, most: int) -> np.ndarray:
    """The values of an IDX file of at most ``most`` bytes.

    Raises:
        DataError: It is damaged, of another type, or larger.
    """
    values = open_idx(path)
    if values.size > most:
        raise DataError(f"{path} promises {values.size:,} values, and at most {most:,} are expected.")
    return np.asarray(values[: len(values)])


def write_idx(values: np.ndarray) -> bytes:
    """An array of bytes as the content of an IDX file.

    Example:
        >>> write_idx(np.array([[7, 8]], np.uint8)).hex()
        '0000080200000001000000020708'
    """
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes((0, 0, BYTES, values.ndim)) + sizes + np.ascontiguousarray(values, np.uint8).tobytes()


def find_pairs(folder: Path) -> dict[str, tuple[Path, Path | None]]:
    """The IDX files of a folder by split: (images, labels), labels None where there are none.

    Raises:
        DataError: Several files could be the same thing.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.search(path.name)
        if not match or not path.is_file():
            continue
        split = "test" if _TEST.search(path.name) else "train"
        kind = match["kind"].lower()
        other = found.setdefault((split, kind), path)
        if other is not path and path.name.removesuffix(".gz") != other.name.removesuffix(".gz"):
            raise DataError(
                f"{folder} holds both {other.name} and {path.name}, which could each be the {split} {kind}. "
                "Give the file of images itself, or keep one set in a folder."
            )
    return {
        split: (found[split, "images"], found.get((split, "labels")))
        for split in ("train", "test")
        if (split, "images") in found
    }


def labels_beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of images by its name, if it is there."""
    swapped = images.name.replace("images", "labels").replace("idx3", "idx1")
    for name in (swapped, swapped.removesuffix(".gz"), f"{swapped}.gz"):
        if name != images.name and (images.parent / name).is_file():
            return images.parent / name
    return None


def _is_idx(path: Path) -> bool:
    """Whether a file starts as an IDX file of bytes does, itself or inside gzip."""
    try:
        with unpacked(path) as file:
            start = file.read(4)
    # What is damaged can raise nearly anything.
    except Exception:
        return False
    return len(start) == 4 and start[:3] == bytes((0, 0, BYTES)) and 1 <= start[3] <= _MOST_DIMENSIONS


def _values(path: Path, offset: int) -> IO[bytes]:
    file = unpacked(path)
    file.read(offset)
    return file


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], int]:
    """The sizes that a file declares, and how many bytes come before its values."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or not 1 <= start[3] <= _MOST_DIMENSIONS:
        raise DataError(f"{path} is not an IDX file.")
    if start[2] != BYTES:
        kind = _TYPES.get(start[2], f"values of the unknown type 0x{start[2]:02x}")
        raise DataError(f"{path} holds {kind}, but Belamy reads IDX files of unsigned bytes.")
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise DataError(f"{path} is damaged: it ends inside its header.")
    return struct.unpack(f">{start[3]}I", sizes), 4 + len(sizes)


def _labels(path: Path, count: int) -> np.ndarray:
    labels = open_idx(path)
    if labels.shape != (count,):
        raise DataError(f"{path} holds labels of shape {labels.shape}, but there are {count:,} images.")
    return np.asarray(labels[:count])
