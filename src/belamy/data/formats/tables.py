"""Tables: one CSV or Parquet file, a folder of them, or a NumPy array of rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from belamy.data.assembly import categories, measurement
from belamy.data.dataset import Attribute, Dataset, Memory, hold_out
from belamy.data.delimited import CellTable, read_cells
from belamy.data.load_options import LoadOptions
from belamy.data.numbers import NUMPY, array_cells
from belamy.data.typed import encoded, fit_columns, suspicions, typed
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.columns import TableColumn, value_of
from belamy.modalities.fields import Field

TEXT = (".csv", ".tsv", ".parquet")
SPLITS = ("train", "test", "validation")
"""Names, without suffix, of files that are splits of their own."""


class Format:
    """Rows of typed columns; ``--labels COLUMN`` makes a column the label.

    In a folder, ``train.csv`` and ``test.csv`` are the splits; files of other names follow one another.
    """

    modalities = ("table",)

    def claim(self, path: Path) -> int:
        """2 by the suffix, 1 for an array file and for a folder with such files."""
        if path.is_dir():
            return int(any(each.suffix.lower() in TEXT for each in path.iterdir()))
        suffix = path.suffix.lower() if path.is_file() else ""  # a pipe is none
        return 2 if suffix in TEXT else int(suffix in NUMPY)

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The table.

        Raises:
            DataError: It cannot be read, or a column cannot be told.
            UsageError: There is no such column of labels.
        """
        parts = read_parts(path, options.memory_budget)
        whole, names = CellTable.joined(path.name, parts), [Path(part.where).stem.lower() for part in parts]
        if options.labels is not None and options.labels not in whole.names:
            raise UsageError(f"{path} has no column '{options.labels}'. {nearest(options.labels, whole.names)}")
        labelled = _rows_with_labels(whole, options.labels)
        whole, files = whole.kept(labelled), [name for name, part in zip(names, parts, strict=True) for _ in part.rows]
        features = whole.without([options.labels] if options.labels else [])
        columns, places = typed(features, options.reader("table"))
        features = features.kept(places).without(
            [name for name in features.names if name not in [c.name for c in columns]]
        )
        official = _splits([files[labelled[place]] for place in places])
        columns = fit_columns(columns, features, (official or hold_out(len(places)))["train"].tolist())
        _check_size(path, columns, len(places), options.memory_budget)
        store = Memory(torch.from_numpy(encoded(columns, features)))
        store.identity = "values and labels"
        label = _label(whole.kept(places), options.labels)
        facts = {"columns": [column.as_json() for column in columns]}
        return Dataset(
            path.stem, store, field=Field("table", store.shape, tuple(features.names), facts=facts),
            labels=label.codes if label else None, classes=label.values if label else (), official=official,
            skipped=features.skipped, notes=[*features.notes, *suspicions(columns, features)], names=features.rows,
        )  # fmt: skip


def read_parts(path: Path, budget: int) -> list[CellTable]:
    """The tables of a file or of a folder, which have the same columns.

    Raises:
        DataError: One cannot be read, or has other columns.
    """
    if path.suffix.lower() in NUMPY:
        return [array_cells(path, budget)]
    if not path.is_dir():
        return [read_cells(path, budget)]
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in TEXT)
    parts = [read_cells(each, budget) for each in files]
    for part in parts[1:]:
        if part.names != parts[0].names:
            raise DataError(
                f"{path}: {part.where} has the columns {', '.join(part.names)}, but {parts[0].where} has "
                f"{', '.join(parts[0].names)}. Give tables of other columns by themselves."
            )
    return parts


def _rows_with_labels(table: CellTable, labels: str | None) -> list[int]:
    """The rows that have a label; the others are told."""
    if labels is None:
        return list(range(len(table)))
    cells = table.cells(labels)
    without = [place for place, cell in enumerate(cells) if not value_of(cell)]
    table.skipped.extend((table.rows[place], f"no label in column '{labels}'") for place in without)
    if len(without) == len(cells):
        raise DataError(f"{table.where}: the column of labels '{labels}' is empty.")
    return sorted(set(range(len(cells))) - set(without))


def _splits(files: Sequence[str]) -> dict[str, Tensor] | None:
    """The splits that files are named for, None where there are none of training and of another."""
    named = {name: [place for place, file in enumerate(files) if file == name] for name in SPLITS}
    found = {name: torch.tensor(places) for name, places in named.items() if places}
    return found if {"train", "test"} <= found.keys() else None


def _label(table: CellTable, labels: str | None) -> Attribute | None:
    if labels is None:
        return None
    told = [value_of(cell) for cell in table.cells(labels)]
    return measurement(told, labels) or categories(told)


def _check_size(path: Path, columns: Sequence[TableColumn], rows: int, budget: int) -> None:
    width = sum(column.width for column in columns)
    if 8 * rows * width > budget:
        widest = max(columns, key=lambda column: column.width)
        raise DataError(
            f"{path}: {rows:,} rows of {width:,} numbers take more than {budget:,} bytes; column '{widest.name}' alone "
            f"has {widest.width:,} values. Type --modality table:drop={widest.name}"
        )
