"""Series: a CSV or Parquet file of steps or of series, a folder with a file for each, or a NumPy array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import categories
from belamy.data.dataset import HOLD_OUT, Dataset
from belamy.data.delimited import CellTable, read_cells, unsaid
from belamy.data.files import reason, walk
from belamy.data.load_options import LoadOptions
from belamy.data.numbers import NUMPY, read_numbers
from belamy.data.ranged import ranged
from belamy.data.steps import Piece, Pieces, alike, pieces_of, roles_of, windows
from belamy.errors import DataError, UsageError
from belamy.modalities.columns import read_cell
from belamy.modalities.series import Modality

TEXT = (".csv", ".tsv", ".parquet")
_FAR = 1000.0
"""A value so many times beyond the range of 90 % of a channel is told."""


class Format:
    """Series of one length, with the class of each by its folder or by ``--labels COLUMN``.

    One file: rows are steps, and ``--length`` cuts windows from one long series, or ``series:id=COLUMN`` says to which
    series a step belongs; or rows are whole series (``series:rows=series``). A folder: each file is a series, in the
    folder of its class where there are classes.
    """

    modalities = ("series",)

    def claim(self, path: Path) -> int:
        """2 by the suffix, 1 for an array file and for a folder, in which such files may lie."""
        if path.is_dir():
            return 1
        suffix = path.suffix.lower() if path.is_file() else ""  # a pipe is none
        return 2 if suffix in TEXT else int(suffix in NUMPY)

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The series.

        Raises:
            DataError: None can be read.
            UsageError: It is open what a row is, or a column that is named is not there.
        """
        if options.kind is None:
            raise unsaid(path)
        reader = options.reader("series")
        if path.is_dir():
            return _whole(path, _of_folder(path, reader, options), options)
        if path.suffix.lower() in NUMPY:
            return _of_array(path, options)
        table = read_cells(path, options.memory_budget)
        if reader.rows == "series":
            return _whole(path, _of_rows(table, reader, options.labels), options)
        if reader.id is not None:
            return _whole(path, pieces_of(table, roles_of(table, reader, options.labels)), options)
        if options.length is None:
            raise UsageError(
                f"{path} holds {len(table):,} rows of {len(table.names)} columns, and what a row is was not said. For "
                "windows of one long series type --length STEPS; for a series in each row --modality "
                "series:rows=series; where a column names the series, --modality series:id=COLUMN"
            )
        return _cut(path, table, reader, options)


def _of_folder(path: Path, reader: Modality, options: LoadOptions) -> Pieces:
    """A series from each file; the folder that it lies in is its class, where there are several."""
    unread: list[tuple[Path, OSError]] = []
    files = sorted(each for each in walk(path, unread=unread) if each.suffix.lower() in TEXT)
    if not files:
        raise DataError(f"{path} is not data of the kind series: it holds no CSV file. Give one, or a folder of them.")
    nested = {each.relative_to(path).parts[0] for each in files if len(each.relative_to(path).parts) > 1}
    found = Pieces()
    found.skipped += [(f"{folder.relative_to(path).as_posix()}/", reason(error)) for folder, error in unread]
    for file in files:
        name = file.relative_to(path).as_posix()
        try:
            table = read_cells(file, options.memory_budget, name)
            roles = roles_of(table, reader, options.labels)
        except DataError as error:
            found.skipped.append((name, str(error)))
            continue
        found.channels = found.channels or roles.channels
        if roles.channels != found.channels:
            columns = ", ".join(roles.channels[:5])
            found.skipped.append(
                (name, f"its columns are {columns}, where others have {', '.join(found.channels[:5])}")
            )
            continue
        pieces = pieces_of(table, roles, whole=name)
        for piece in pieces.found:
            if options.labels is None and nested:
                piece.label = Path(name).parts[0] if len(Path(name).parts) > 1 else ""
        found.found += pieces.found
        found.skipped += pieces.skipped
        found.notes += pieces.notes
    return found


def _of_rows(table: CellTable, reader: Modality, labels: str | None) -> Pieces:
    """A series of one channel from each row."""
    roles = roles_of(table, reader, labels)
    found = Pieces(skipped=list(table.skipped), notes=list(table.notes), channels=("value",))
    columns = [table.cells(name) for name in roles.channels]
    told = None if labels is None else table.cells(labels)
    for place, name in enumerate(table.rows):
        values = [read_cell(column[place], "number", "") for column in columns]
        steps = [value for value in values if value is not None]
        bad = next((at for at, value in enumerate(values) if value is not None and not np.isfinite(value)), None)
        if bad is not None:
            found.skipped.append(
                (name, f"'{roles.channels[bad]}' holds '{columns[bad][place].strip()[:40]}', which is not a number")
            )
        elif None in values[: len(steps)]:
            found.skipped.append((name, f"'{roles.channels[values.index(None)]}' is missing"))
        elif told is not None and not told[place].strip():
            found.skipped.append((name, f"no label in column '{labels}'"))
        else:
            label = "" if told is None else told[place].strip()
            found.found.append(Piece(name, np.array(steps, dtype=np.float64)[:, None], label))
    return found


def _whole(path: Path, pieces: Pieces, options: LoadOptions) -> Dataset:
    """A data set of whole series."""
    values, kept = alike(pieces, options.length)
    labels = [piece.label for piece in kept]
    missing = [place for place, label in enumerate(labels) if not label]
    if any(labels) and missing:
        pieces.skipped += [(kept[place].name, "it lies in no folder of a class") for place in missing]
        chosen = [place for place, label in enumerate(labels) if label]
        values, kept, labels = values[chosen], [kept[place] for place in chosen], [labels[place] for place in chosen]
    return _dataset(path, values, pieces, labels if any(labels) else None, [piece.name for piece in kept])


def _cut(path: Path, table: CellTable, reader: Modality, options: LoadOptions) -> Dataset:
    """A data set of windows of a long series; the last tenth of its steps is the test split."""
    assert options.length is not None
    if options.labels is not None:
        raise UsageError(
            f"Windows of one long series have no labels. Leave --labels {options.labels} out, or give series:id=COLUMN."
        )
    pieces = pieces_of(table, roles_of(table, reader, None))
    values, train = windows(pieces, options.length, reader.stride or options.length, HOLD_OUT)
    order = torch.arange(len(values))
    official = {"train": order[:train], "test": order[train:]} if train < len(values) else {"train": order}
    rule = f"by time: windows of the last {HOLD_OUT:.0%} of the steps are held out"
    return _dataset(path, values, pieces, None, None, official, rule)


def _of_array(path: Path, options: LoadOptions) -> Dataset:
    """A data set of an array ``[N, steps]`` or ``[N, steps, channels]``; steps that are NaN at the end are cut off."""
    values, labels, train = read_numbers(path, options.memory_budget)
    values = values[:, :, None] if values.ndim == 2 else values
    if values.ndim != 3:
        raise DataError(f"{path} holds {values.shape}, but series are [count, steps] or [count, steps, channels].")
    pieces = Pieces(channels=tuple(f"x{number}" for number in range(1, values.shape[2] + 1)))
    splits: list[int] = []
    for place, series in enumerate(values.astype(np.float64)):
        known = np.isfinite(series).all(1)
        steps = int(known.sum())
        name = f"{path.name} series {place + 1:,}"
        if not known[:steps].all() or not steps:
            pieces.skipped.append((name, f"step {int(known.argmin()) + 1:,} is missing"))
            continue
        label = "" if labels is None else str(labels.reshape(-1)[place])
        pieces.found.append(Piece(name, series[:steps], label))
    cut, kept = alike(pieces, options.length)
    if train is not None:
        splits = [
            place for place, piece in enumerate(kept) if int(piece.name.rpartition(" ")[2].replace(",", "")) <= train
        ]
    order = torch.arange(len(kept))
    official = {"train": order[: len(splits)], "test": order[len(splits) :]} if 0 < len(splits) < len(kept) else None
    told = None if labels is None else [piece.label for piece in kept]
    return _dataset(path, cut, pieces, told, [piece.name for piece in kept], official)


def _dataset(
    path: Path, values: np.ndarray, pieces: Pieces, labels: Sequence[str] | None, names: Sequence[str] | None,
    official: dict[str, Tensor] | None = None, rule: str | None = None,
) -> Dataset:  # fmt: skip
    attribute = None if labels is None else categories(list(labels))
    return ranged(
        "series", path.stem, torch.from_numpy(values).float(), columns=pieces.channels, official=official, rule=rule,
        labels=attribute.codes if attribute else None, classes=attribute.values if attribute else (),
        skipped=pieces.skipped, notes=[*pieces.notes, *_suspicions(values, pieces.channels, names)], names=names,
    )  # fmt: skip


def _suspicions(values: np.ndarray, channels: Sequence[str], names: Sequence[str] | None) -> list[str]:
    """What is odd about series that can be read: constant channels, far outliers."""
    found = []
    for place, channel in enumerate(channels):
        numbers = values[:, :, place]
        if (numbers == numbers.flat[0]).all():
            found.append(f"channel '{channel}' is constant: {numbers.flat[0]:g} everywhere")
            continue
        low, middle, high = np.quantile(numbers, [0.05, 0.5, 0.95])
        for series, step in np.argwhere(np.abs(numbers - middle) > _FAR * max(high - low, 1e-300))[:3].tolist():
            name = names[series] if names else f"window {series + 1}"
            found.append(
                f"channel '{channel}': {name} holds {numbers[series, step]:g} at step {step + 1}, where 90 % lie in "
                f"{low:g}..{high:g}"
            )
        flat = np.flatnonzero((numbers == numbers[:, :1]).all(1))
        if len(flat):
            name = names[flat[0]] if names else f"window {flat[0] + 1}"
            found.append(f"channel '{channel}': {len(flat):,} series never change, first {name}")
    return found
