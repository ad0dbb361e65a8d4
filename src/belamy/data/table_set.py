"""A data set from the cells of one or several tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from belamy.data.assembly import Raw, categories, measurement
from belamy.data.dataset import Attribute, Dataset, Memory, hold_out
from belamy.data.delimited import CellTable
from belamy.data.load_options import LoadOptions
from belamy.data.typed import encoded, fit_columns, suspicions, typed
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.columns import TableColumn, value_of
from belamy.modalities.fields import Field

SPLITS = ("train", "test", "validation")
"""Names, without suffix, of files that are splits of their own."""


def table_set(name: str, parts: Sequence[CellTable], options: LoadOptions, licence: str = "not stated") -> Dataset:
    """The rows of tables of the same columns, one table after the other, as numbers.

    Args:
        name: What the set is called.
        parts: The tables; those that are called ``train`` and ``test`` are the splits.
        options: Which column is the label, and how columns are read.
        licence: Of the data.

    Raises:
        DataError: A column cannot be told, or the rows take too much memory.
        UsageError: There is no such column of labels.
    """
    whole, files = CellTable.joined(name, parts), [Path(part.where).stem.lower() for part in parts for _ in part.rows]
    labels = options.labels
    if labels is not None and labels not in whole.names:
        raise UsageError(f"{name} has no column '{labels}'. {nearest(labels, whole.names)}")
    labelled = _rows_with_labels(whole, labels)
    whole = whole.kept(labelled)
    features = whole.without([labels] if labels else [])
    columns, places = typed(features, options.reader("table"))
    dropped = set(features.names) - {column.name for column in columns}
    features = features.kept(places).without(sorted(dropped))
    official = _splits([files[labelled[place]] for place in places])
    columns = fit_columns(columns, features, (official or hold_out(len(places)))["train"].tolist())
    _check_size(name, columns, len(places), options.memory_budget)
    store = Memory(torch.from_numpy(encoded(columns, features)))
    store.identity = "values and labels"
    raw = Raw(
        name=name, label=_label(whole.kept(places), labels), official=official, licence=licence,
        skipped=features.skipped, notes=[*features.notes, *suspicions(columns, features)], names=features.rows,
    )  # fmt: skip
    facts = {"columns": [column.as_json() for column in columns]}
    return raw.dataset(store, Field("table", store.shape, tuple(features.names), facts=facts))


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


def _check_size(name: str, columns: Sequence[TableColumn], rows: int, budget: int) -> None:
    width = sum(column.width for column in columns)
    if 8 * rows * width > budget:
        widest = max(columns, key=lambda column: column.width)
        raise DataError(
            f"{name}: {rows:,} rows of {width:,} numbers take more than {budget:,} bytes; column '{widest.name}' alone "
            f"has {widest.width:,} values. Type --modality table:drop={widest.name}"
        )
