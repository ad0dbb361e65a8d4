"""Arrays saved by NumPy: one ``.npy`` of images, or an ``.npz`` with images, labels and attributes by name."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from belamy.data.arrays import Packed, interpret, joined
from belamy.data.assembly import Raw, assemble_rows, categories, measurement, official
from belamy.data.dataset import Attribute, Dataset
from belamy.data.files import STEP, open_zip, opened, read_member, reason, stamp
from belamy.data.load_options import LoadOptions
from belamy.data.opened_arrays import attributes_of, per_sample
from belamy.errors import DataError, Unreadable, nearest

MAGIC = b"\x93NUMPY"
IMAGES = ("images", "image", "x", "imgs", "pixels", "data", "samples", "faces", "arr_0")
ADVICE = "Save the images alone as an .npy file, which is read from disk."
LABELS = ("labels", "label", "y", "targets", "target", "class", "classes", "arr_1")

Values = np.ndarray | Packed


@dataclass(frozen=True)
class ArrayNames:
    """The arrays that hold the images of each split, and their labels, by name."""

    images: tuple[str, ...]
    labels: tuple[str, ...]


class Format:
    """``.npy`` and ``.npz`` files; Python objects inside are refused, so that loading runs no code."""

    modalities = ("image",)

    def claim(self, path: Path) -> int:
        """2 by the suffix."""
        return 2 if path.is_file() and path.suffix.lower() in (".npy", ".npz") else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The images; training before test where the archive has both.

        Raises:
            DataError: No array looks like images, or the file is damaged or too large.
        """
        return open_arrays(path, options)


def open_arrays(path: Path, options: LoadOptions, images: str | None = None) -> Dataset:
    """The images of a file; training before test where an archive has both.

    Args:
        path: An ``.npy`` or ``.npz`` file.
        options: How the images are wanted.
        images: The array of an archive that holds them; None for one by a usual name.

    Raises:
        DataError: No array looks like images, or the file is damaged or too large.
    """
    packed = path.suffix.lower() == ".npz"
    try:
        with opened(path) as file:
            start = file.read(6)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}.") from error
    if start[: 2 if packed else 6] != (b"PK" if packed else MAGIC):
        raise DataError(f"{path} is not a NumPy file, though its name ends in {path.suffix}.")
    if packed:
        held, skipped = _members(path, options.memory_budget)
        try:
            return _assembled(path, held, find(held, path, images), skipped, options)
        except DataError as error:
            passed = "".join(f" Passed over: {name}, because {why}." for name, why in skipped[:3])
            raise DataError(f"{error}{passed}") from error
    try:
        held = {"images": _mapped(path)}
    except Unreadable as finding:
        raise DataError(f"{path} cannot be read: {finding}.") from finding
    return _assembled(path, held, ArrayNames(("images",), ()), [], options)


def find(held: Mapping[str, Values], path: Path, images: str | None = None) -> ArrayNames:
    """Which arrays are the images and which the labels, by name, or by being the only one that could be.

    Args:
        held: The arrays by name.
        path: For messages.
        images: The array that holds the images, where that is said.

    Raises:
        DataError: None could be the images, or several could.
    """
    names = {key.lower(): key for key in held}
    if images is not None and images not in held:
        raise DataError(f"{path} has no array '{images}'. {nearest(images, held)}")
    for train, test in _paired(IMAGES) if images is None else ():
        if train in names and test in names:
            pairs = [pair for pair in _paired(LABELS) if all(key in names for key in pair)]
            return ArrayNames((names[train], names[test]), tuple(names[key] for pair in pairs[:1] for key in pair))
    candidates = [names[key] for key in IMAGES if key in names and held[names[key]].ndim >= 2]
    candidates = (
        [images] if images is not None else candidates or [key for key, array in held.items() if array.ndim >= 3]
    )
    if not candidates or (len(candidates) > 1 and candidates[0].lower() not in IMAGES):
        shapes = ", ".join(f"{key} {array.shape}" for key, array in held.items()) or "nothing"
        hint = "name the array of images 'images' (or x_train and x_test)"
        if "audio" in names:
            hint = "name the samples a second of sounds 'rate', or type --modality audio --rate 16000"
        raise DataError(f"{path} holds {shapes}: {hint}.")
    count = len(held[candidates[0]])
    labels = tuple(names[key] for key in LABELS if key in names and per_sample(held[names[key]], count) is not None)
    return ArrayNames((candidates[0],), labels[:1])


def _assembled(
    path: Path, held: Mapping[str, Values], found: ArrayNames, skipped: list[tuple[str, str]], options: LoadOptions
) -> Dataset:
    named = [f"'{key}' in {path}" if len(held) > 1 else str(path) for key in found.images]
    parts = [interpret(held[key], what, options) for key, what in zip(found.images, named, strict=True)]
    rows = joined(parts, [f"{path.name} {stamp(path)}"])
    others = {key: held[key] for key in held if key not in (*found.images, *found.labels)}
    known = attributes_of(others, len(rows)) if len(found.images) == 1 else {}
    labels = _labels(held, found, len(rows))
    if labels is not None:
        known = {found.labels[0]: labels, **known}
    raw = Raw(
        name=path.stem,
        label=labels,
        attributes=known,
        official=official(len(parts[0].array), len(rows)),
        notes=[f"{part.what}: {part.note}" for part in parts if part.note],
        skipped=skipped,
    )
    return assemble_rows(rows, raw, options)


def _labels(held: Mapping[str, Values], found: ArrayNames, count: int) -> Attribute | None:
    columns = [
        per_sample(held[key], len(held[images])) for key, images in zip(found.labels, found.images, strict=False)
    ]
    if not columns or any(column is None for column in columns):
        return None
    labels = np.concatenate([column for column in columns if column is not None])
    if len(labels) != count:
        raise DataError(f"There are {len(labels):,} labels in {', '.join(found.labels)}, but {count:,} images.")
    return measurement(labels, found.labels[0]) or categories(labels)


def _paired(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for word in words:
        yield f"{word}_train", f"{word}_test"
        yield f"train_{word}", f"test_{word}"


def _mapped(path: Path) -> np.ndarray:
    with opened(path) as file:
        shape, columns_first, dtype = _header(file, path.stat().st_size)
        offset = file.tell()
    if not math.prod(shape) * dtype.itemsize:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape, "F" if columns_first else "C")


def _members(path: Path, budget: int) -> tuple[dict[str, Values], list[tuple[str, str]]]:
    """The arrays of an archive, those with one value per row in memory; and which are passed over, and why."""
    archive = open_zip(path)
    held: dict[str, Values] = {}
    skipped: list[tuple[str, str]] = []
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        try:
            found = _member(archive, member, f"'{name}' in {path}", max(budget, STEP))
        # What is damaged can raise nearly anything.
        except Exception as error:
            skipped.append((name, reason(error)))
            continue
        if found is not None:
            held[name] = found
    return held, skipped


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str, budget: int) -> Values | None:
    """An array of an archive; None if the member is something else."""
    with read_member(archive, member) as file:
        if file.read(len(MAGIC)) != MAGIC and not member.filename.endswith(".npy"):
            return None
    with read_member(archive, member) as file:
        shape, columns_first, dtype = _header(file, member.file_size)
    if len(shape) > 1 and shape[1:] != (1,) and not columns_first:
        return Packed(what, partial(_values, archive, member), shape, dtype, ADVICE)
    size, most = math.prod(shape) * dtype.itemsize, budget // (4 if columns_first else 16)
    if size > most:
        order = "column by column, which is read at once" if columns_first else "as one column"
        raise Unreadable(f"it holds {size:,} bytes {order}, and at most {most:,} are read so")
    content = Packed(what, partial(_values, archive, member), (1, size), np.dtype(np.uint8), ADVICE)[:1]
    return content.view(dtype).reshape(shape, order="F" if columns_first else "C")


def _values(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    file = read_member(archive, member)
    _header(file, member.file_size)
    return file


def _header(file: IO[bytes], length: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array in a file of ``length`` bytes, read up to its values.

    Raises:
        Unreadable: It has no such header, or promises more than the file can hold.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, columns_first, dtype = read(file)
    # What is damaged can raise nearly anything.
    except Exception as error:
        raise Unreadable(f"its header is damaged ({reason(error)})") from error
    if dtype.hasobject:
        raise Unreadable("it holds Python objects, and loading those could run code; save plain arrays")
    promised, held = math.prod(shape) * dtype.itemsize, length - file.tell()
    if promised > held or min(shape, default=0) < 0:
        raise Unreadable(f"its header promises {promised:,} bytes of values, but it holds {held:,}")
    return shape, columns_first, dtype
