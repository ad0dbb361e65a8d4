"""IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, big-endian sizes, then the values."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from belamy.errors import DataError

BYTES = 0x08
_TYPES = {0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers", 0x0D: "floats", 0x0E: "doubles"}
_MOST_DIMENSIONS = 4
_NAME = re.compile(r"(?P<kind>images|labels)[-._]?idx[13][-._]?ubyte(\.gz)?$", re.IGNORECASE)
_TEST = re.compile(r"(^|[-._])(t10k|test)", re.IGNORECASE)


@dataclass(frozen=True)
class IdxHeader:
    """The sizes that an IDX file declares, and how many bytes come before its values."""

    shape: tuple[int, ...]
    offset: int

    @property
    def count(self) -> int:
        """How many values follow."""
        return math.prod(self.shape)


def is_idx(path: Path) -> bool:
    """Whether a file starts as an IDX file of bytes does, itself or inside gzip."""
    try:
        with _opened(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:3] == bytes((0, 0, BYTES)) and 1 <= start[3] <= _MOST_DIMENSIONS


def read_idx(path: Path, most: int) -> np.ndarray:
    """The values of an IDX file of bytes; a plain file larger than ``most`` bytes is mapped rather than read.

    Raises:
        DataError: It is damaged, of another type, or unpacks to more than ``most`` bytes.
    """
    try:
        with _opened(path) as file:
            header = _header(path, file)
            if header.count > most:
                return _mapped(path, header)
            content = file.read(header.count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if len(content) != header.count:
        held = f"only {len(content):,}" if len(content) < header.count else "more"
        raise DataError(f"{path} is damaged: it promises {header.count:,} values and holds {held}.")
    return np.frombuffer(content, np.uint8).reshape(header.shape)


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


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _header(path: Path, file: IO[bytes]) -> IdxHeader:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or not 1 <= start[3] <= _MOST_DIMENSIONS:
        raise DataError(f"{path} is not an IDX file.")
    if start[2] != BYTES:
        kind = _TYPES.get(start[2], f"values of the unknown type 0x{start[2]:02x}")
        raise DataError(f"{path} holds {kind}, but Belamy reads IDX files of unsigned bytes.")
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise DataError(f"{path} is damaged: it ends inside its header.")
    return IdxHeader(struct.unpack(f">{start[3]}I", sizes), 4 + len(sizes))


def _mapped(path: Path, header: IdxHeader) -> np.ndarray:
    if path.stat().st_size != header.offset + header.count:
        raise DataError(
            f"{path} holds {header.count:,} bytes, more than the memory budget, inside gzip (or is damaged). Unpack "
            "it, and it is read from disk."
        )
    return np.memmap(path, np.uint8, "r", header.offset, header.shape)
