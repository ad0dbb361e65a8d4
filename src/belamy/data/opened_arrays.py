"""What the arrays of a ``.npy`` or ``.npz`` file are: the samples, and what is said of each of them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from belamy.data.assembly import attribute, measurement
from belamy.data.dataset import Attribute
from belamy.data.files import reading
from belamy.errors import DataError

_MOST_VALUES = 1000
"""An array with more distinct values than this is a measurement, not an attribute."""


def refuse_large(path: Path, budget: int) -> None:
    """Refuse an ``.npz`` archive that unpacks to more than a budget, before any of it is unpacked.

    Raises:
        DataError: It does.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > budget:
        raise DataError(f"{path} unpacks to {size:,} bytes, more than the memory budget. Save it as .npy.")


def arrays_of(path: Path, budget: int) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` archive, by name.

    Raises:
        DataError: It cannot be read, or unpacks to more than a budget of bytes.
    """
    with reading(f"{path} cannot be read"):
        refuse_large(path, budget)
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}


def array_of(path: Path, names: Sequence[str], budget: int) -> np.ndarray:
    """The array of a ``.npy`` file, mapped from disk, or the one of an ``.npz`` archive with one of the names.

    Args:
        path: The file.
        names: What the array may be called, the likeliest first; the only array of an archive may have any name.
        budget: Bytes that an archive may unpack to.

    Raises:
        DataError: It cannot be read, is too large, or no array has such a name.
    """
    with reading(f"{path} cannot be read"):
        if path.suffix.lower() == ".npy":
            mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return mapped
        refuse_large(path, budget)
        with np.load(path, allow_pickle=False) as held:
            found = {name.lower(): name for name in held.files}
            alone = held.files[0] if len(held.files) == 1 else None
            chosen = next((found[name] for name in names if name in found), alone)
            if chosen is None:
                raise DataError(f"{path} holds {', '.join(held.files) or 'nothing'}: name one of them '{names[0]}'.")
            values: np.ndarray = held[chosen]
            return values


def attributes_of(held: Mapping[str, object], count: int) -> dict[str, Attribute]:
    """What is said of each of ``count`` samples by the arrays that have one value for each, by name."""
    found = {}
    for name, array in held.items():
        column = per_sample(array, count, decimals=True)
        measured = None if column is None else measurement(column, name)
        if measured is not None:
            found[name] = measured
        elif column is not None and column.dtype.kind != "f" and len(np.unique(column)) <= _MOST_VALUES:
            found[name] = attribute(column)
    return found


def per_sample(array: object, count: int, decimals: bool = False) -> np.ndarray | None:
    """The array as one value per sample, None where it is no such thing; decimal fractions are no labels."""
    if not isinstance(array, np.ndarray) or array.shape not in ((count,), (count, 1)):
        return None
    column = array.reshape(-1)
    if column.dtype.kind == "S":
        return np.char.decode(column, "utf-8", "backslashreplace")
    if column.dtype.kind != "f":
        return column if column.dtype.kind in "uibU" else None
    finite = bool(np.isfinite(column).all())
    if finite and (column == np.round(column)).all():
        return column.astype(np.int64)
    return column if finite and decimals else None
