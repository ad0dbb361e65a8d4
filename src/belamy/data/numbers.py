"""NumPy arrays of plain numbers: rows of a table, vectors, series."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from belamy.data.delimited import CellTable
from belamy.data.files import opened, reading
from belamy.data.opened_arrays import refuse_large
from belamy.errors import DataError

NUMPY = (".npy", ".npz")
VALUES = ("x", "data", "values", "series", "samples", "vectors", "rows", "arr_0")
LABELS = ("y", "labels", "label", "target", "classes", "arr_1")


def read_numbers(path: Path, budget: int) -> tuple[np.ndarray, np.ndarray | None, int | None]:
    """The numbers in a file, their labels if there are any, and how many are for training, or None.

    In an ``.npz`` they are called ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test``, ``y_test`` (or as in
    ``VALUES`` and ``LABELS``).

    Raises:
        DataError: It is damaged, holds Python objects, no numbers, or more than the budget.
    """
    with reading(f"{path} cannot be read as NumPy arrays"):
        opened(path).close()  # a pipe would be waited for
        if zipfile.is_zipfile(path):
            refuse_large(path, budget)
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        alone = isinstance(loaded, np.ndarray)
        held = {"x": loaded} if alone else {name.lower(): loaded[name] for name in loaded.files}
    if sum(each.nbytes for each in held.values()) > budget:
        raise DataError(f"{path} holds more than the {budget:,} bytes that are read. Split it.")
    for word, train in [(each, name) for each in VALUES for name in (f"{each}_train", each)]:
        test = f"{word}_test"
        if train in held and test in held:
            of_train = _first(held, [*(f"{label}_train" for label in LABELS), *LABELS])
            of_test = _first(held, [f"{label}_test" for label in LABELS])
            both = None if of_train is None or of_test is None else np.concatenate([of_train, of_test])
            if held[train].shape[1:] != held[test].shape[1:]:
                raise DataError(f"{path}: '{train}' holds {held[train].shape} and '{test}' {held[test].shape}.")
            return _checked(path, np.concatenate([held[train], held[test]]), both), both, len(held[train])
    values, labels = _first(held, VALUES), _first(held, LABELS)
    if values is None:
        shapes = ", ".join(f"{key} {array.shape}" for key, array in held.items()) or "nothing"
        raise DataError(f"{path} holds {shapes}. Name the array of values 'x' and their labels 'y'.")
    return _checked(path, values, labels), labels, None


def array_cells(path: Path, budget: int) -> CellTable:
    """An array ``[rows, columns]`` as a table whose columns are x1, x2, …; labels are its column ``label``."""
    values, labels, _ = read_numbers(path, budget // 16)
    if values.ndim != 2:
        raise DataError(f"{path} holds {values.shape}, but a table is [rows, columns].")
    columns = [[_text(value) for value in column] for column in values.T]
    names = [f"x{number}" for number in range(1, values.shape[1] + 1)]
    if labels is not None:
        columns.append([str(label) for label in labels.tolist()])
        names.append("label")
    rows = [f"{path.name} row {number:,}" for number in range(1, len(values) + 1)]
    return CellTable(path.name, tuple(names), tuple(columns), rows)


def _first(held: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray | None:
    """The first array that has one of the names."""
    return next((held[name] for name in names if name in held), None)


def _text(value: Any) -> str:
    """A number as its shortest text; whole numbers without a point; "" for what is not finite."""
    if not np.isfinite(value):
        return ""
    return str(int(value)) if value == np.round(value) and abs(value) < 1e15 else str(value)


def _checked(path: Path, values: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    if values.dtype.kind not in "fiub" or values.ndim < 2 or 0 in values.shape:
        raise DataError(f"{path} holds {values.shape} of {values.dtype}, but numbers of at least two axes are needed.")
    if labels is not None and labels.shape not in ((len(values),), (len(values), 1)):
        raise DataError(f"{path} holds {len(values):,} samples, but labels of shape {labels.shape}.")
    return values
