"""Arrays saved by NumPy: one ``.npy`` of images, or an ``.npz`` with images, labels and attributes by name."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from belamy.data.arrays import Interpretation, interpret, joined
from belamy.data.assembly import Raw, assemble_rows, attribute, categories
from belamy.data.dataset import Attribute, Dataset
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError

IMAGES = ("images", "image", "x", "imgs", "pixels", "data", "samples", "faces", "arr_0")
LABELS = ("labels", "label", "y", "targets", "target", "class", "classes", "arr_1")
_MOST_VALUES = 1000
"""An array with more distinct values than this per set of images is a measurement, not an attribute."""


@dataclass(frozen=True)
class ArrayNames:
    """The arrays that hold the images of each split, and their labels, by name."""

    images: tuple[str, ...]
    labels: tuple[str, ...]


class Format:
    """``.npy`` and ``.npz`` files; Python objects inside are refused, so that loading runs no code."""

    def claim(self, path: Path) -> int:
        """2 by the suffix."""
        return 2 if path.is_file() and path.suffix.lower() in (".npy", ".npz") else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The images; training before test where the archive has both.

        Raises:
            DataError: No array looks like images, or the file is damaged or too large.
        """
        packed = path.suffix.lower() == ".npz"
        with path.open("rb") as file:
            if file.read(6)[: 2 if packed else 6] != (b"PK" if packed else b"\x93NUMPY"):
                raise DataError(f"{path} is not a NumPy file, though its name ends in {path.suffix}.")
        try:
            if not packed:
                return _assembled(path, {"images": _mapped(path)}, ArrayNames(("images",), ()), options)
            _refuse_oversize(path, options)
            with np.load(path, allow_pickle=False) as archive:
                members = {key: archive[key] for key in archive.files}
            # A member that is no array comes as bytes.
            held = {key: member for key, member in members.items() if isinstance(member, np.ndarray)}
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{path} cannot be read: {_plain(error)}.") from error
        return _assembled(path, held, find(held, path), options)


def find(held: Mapping[str, np.ndarray], path: Path) -> ArrayNames:
    """Which arrays are the images and which the labels, by name, or by being the only one that could be.

    Raises:
        DataError: None could be the images, or several could.
    """
    names = {key.lower(): key for key in held}
    for train, test in _paired(IMAGES):
        if train in names and test in names:
            pairs = [pair for pair in _paired(LABELS) if all(key in names for key in pair)]
            return ArrayNames((names[train], names[test]), tuple(names[key] for pair in pairs[:1] for key in pair))
    candidates = [names[key] for key in IMAGES if key in names and held[names[key]].ndim >= 2]
    candidates = candidates or [key for key, array in held.items() if array.ndim >= 3]
    if not candidates or (len(candidates) > 1 and candidates[0].lower() not in IMAGES):
        shapes = ", ".join(f"{key} {array.shape}" for key, array in held.items()) or "nothing"
        raise DataError(f"{path} holds {shapes}: name the array of images 'images' (or x_train and x_test).")
    count = len(held[candidates[0]])
    labels = tuple(names[key] for key in LABELS if key in names and _per_image(held[names[key]], count) is not None)
    return ArrayNames((candidates[0],), labels[:1])


def _assembled(path: Path, held: Mapping[str, np.ndarray], found: ArrayNames, options: LoadOptions) -> Dataset:
    parts = [interpret(held[key], f"'{key}' in {path}" if len(held) > 1 else str(path)) for key in found.images]
    state = path.stat()
    rows = joined(parts, [f"{path.name} {state.st_size} {state.st_mtime_ns}"])
    official = None
    if len(parts) == 2:
        training = len(parts[0].array)
        official = {"train": torch.arange(training), "test": torch.arange(training, len(rows))}
    known = dict(_attributes(held, found, len(rows)))
    labels = _labels(held, found, len(rows))
    if labels is not None:
        known = {found.labels[0]: labels, **known}
    raw = Raw(
        name=path.stem,
        labels=labels.codes if labels else None,
        classes=labels.values if labels else (),
        attributes=known,
        official=official,
        notes=_notes(parts),
    )
    return assemble_rows(rows, raw, options)


def _notes(parts: list[Interpretation]) -> list[str]:
    return [f"{part.what}: {part.note}" for part in parts if part.note]


def _labels(held: Mapping[str, np.ndarray], found: ArrayNames, count: int) -> Attribute | None:
    columns = [
        _per_image(held[key], len(held[images])) for key, images in zip(found.labels, found.images, strict=False)
    ]
    if not columns or any(column is None for column in columns):
        return None
    labels = np.concatenate([column for column in columns if column is not None])
    if len(labels) != count:
        raise DataError(f"There are {len(labels):,} labels in {', '.join(found.labels)}, but {count:,} images.")
    return categories(labels)


def _attributes(held: Mapping[str, np.ndarray], found: ArrayNames, count: int) -> Iterator[tuple[str, Attribute]]:
    if len(found.images) > 1:
        return
    for key, array in held.items():
        column = None if key in (*found.images, *found.labels) else _per_image(array, count)
        if column is not None and len(np.unique(column)) <= _MOST_VALUES:
            yield key, attribute(column)


def _per_image(array: np.ndarray, count: int) -> np.ndarray | None:
    """The array as one value per image, None where it is no such thing."""
    if array.shape not in ((count,), (count, 1)) or array.dtype.kind not in "uibUSf":
        return None
    column = array.reshape(-1)
    if column.dtype.kind != "f":
        return column
    whole = np.isfinite(column).all() and (column == np.round(column)).all()
    return column.astype(np.int64) if whole else None


def _paired(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for word in words:
        yield f"{word}_train", f"{word}_test"
        yield f"train_{word}", f"test_{word}"


def _mapped(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _refuse_oversize(path: Path, options: LoadOptions) -> None:
    with zipfile.ZipFile(path) as archive:
        declared = sum(member.file_size for member in archive.infolist())
    if declared > 4 * options.memory_budget:
        raise DataError(
            f"{path} unpacks to {declared:,} bytes, more than four times the memory budget of "
            f"{options.memory_budget:,}. Save the images alone as an .npy file, which is read from disk."
        )


def _plain(error: Exception) -> str:
    text = str(error).strip().split("\n")[0].rstrip(".")
    if "pickle" in text or "Python objects" in text or "Object arrays" in text:
        return "it holds Python objects, and loading those could run code; save plain arrays"
    return text or type(error).__name__
