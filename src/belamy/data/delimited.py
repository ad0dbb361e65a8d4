"""Tables of text: CSV files with commas, semicolons, tabs or bars, and Parquet files; what is odd in them is told."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from belamy.data.files import STEP, opened, read_text, reading, visible
from belamy.errors import DataError, MissingExtra, UsageError
from belamy.modalities.columns import DECIMAL, MISSING

DELIMITERS = ",;\t|"
_BOM = b"\xef\xbb\xbf"
_COMMA = re.compile(r"[+-]?\d+,\d+")
_CELL = 120
"""Bytes that a cell takes in memory, about."""


@dataclass(frozen=True)
class CellTable:
    """A table as its file has it.

    Args:
        where: The file, for messages.
        names: Of the columns, each once.
        columns: The cells of each column, one after the other.
        rows: What each row is called: the file and the row's number, from 1, the header counted.
        notes: What a user should know about how the file was read.
        skipped: Rows that could not be read, with the reason.
    """

    where: str
    names: tuple[str, ...]
    columns: tuple[list[str], ...]
    rows: list[str]
    notes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, name: str) -> list[str]:
        """The cells of a column by its name."""
        return self.columns[self.names.index(name)]

    def kept(self, places: Sequence[int]) -> CellTable:
        """The same table with some of its rows."""
        columns = tuple([cells[place] for place in places] for cells in self.columns)
        return replace(self, columns=columns, rows=[self.rows[place] for place in places])

    @classmethod
    def joined(cls, where: str, parts: Sequence[CellTable]) -> CellTable:
        """Tables of the same columns, one after the other."""
        return cls(
            where,
            parts[0].names,
            tuple([cell for part in parts for cell in part.columns[place]] for place in range(len(parts[0].names))),
            [row for part in parts for row in part.rows],
            [note for part in parts for note in part.notes],
            [each for part in parts for each in part.skipped],
        )

    def without(self, names: Sequence[str]) -> CellTable:
        """The same table without some of its columns."""
        left = [place for place, name in enumerate(self.names) if name not in names]
        return replace(
            self, names=tuple(self.names[place] for place in left), columns=tuple(self.columns[place] for place in left)
        )


def unsaid(path: Path) -> UsageError:
    """What to type where it is open what the rows of a table of text or numbers are."""
    return UsageError(
        f"{path} is a table, and what its rows are was not said. Type --modality table for samples of typed columns, "
        "--modality vector for plain numbers, --modality series for steps of series."
    )


def read_cells(path: Path, budget: int = 2 << 30, where: str | None = None) -> CellTable:
    """A CSV or Parquet file.

    Args:
        path: The file.
        budget: Bytes of memory that its cells may take.
        where: What it is called in messages; its name by default.

    Raises:
        DataError: It cannot be read, is not UTF-8, has no rows, or is too large.
        MissingExtra: Parquet without pyarrow.
    """
    where = where or path.name
    if path.suffix.lower() == ".parquet":
        return _parquet(path, where, budget)
    text, notes, skipped = read_text(path, max(budget, STEP) // 8), [], []
    with opened(path) as file:
        if file.read(3) == _BOM:
            notes.append(f"{where} begins with a byte order mark, which was passed over")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    header: list[str] = []
    rows, numbers, empty = [], [], 0
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                empty += 1
            elif not header:
                header = [cell.strip() for cell in row]
                if len(header) > 1 and all(DECIMAL.fullmatch(cell) for cell in header):
                    notes.append(f"{where} has no header: its columns were named x1, x2, …")
                    rows, numbers = [header], [f"{where} row {reader.line_num:,}"]
                    header = [f"x{number}" for number in range(1, len(header) + 1)]
            elif len(row) != len(header):
                skipped.append(
                    (f"{where} row {reader.line_num:,}", f"{len(row)} cells, where the header has {len(header)}")
                )
            else:
                rows.append(row)
                numbers.append(f"{where} row {reader.line_num:,}")
                if len(rows) * len(header) * _CELL > budget:
                    raise DataError(
                        f"{path} has {len(rows):,} rows or more: too much for {budget:,} bytes of memory. Split it."
                    )
    except csv.Error as error:
        raise DataError(f"{path} is not a table of text: {error} (row {reader.line_num:,}).") from error
    if empty:
        notes.append(f"{where} has {empty:,} empty row(s), which were passed over")
    if not rows:
        raise DataError(f"{path} holds no rows below its header. A table has a header and a row for each sample.")
    names = _named(header, where, notes)
    columns = tuple(list(cells) for cells in zip(*rows, strict=True))
    read = CellTable(where, names, columns, numbers, notes, skipped)
    return replace(
        read, columns=tuple(_with_points(name, cells, read) for name, cells in zip(names, columns, strict=True))
    )


def _named(header: Sequence[str], where: str, notes: list[str]) -> tuple[str, ...]:
    """Names of the columns, each once, none empty."""
    names: list[str] = []
    counts = Counter(header)
    for place, name in enumerate(map(visible, header), start=1):
        if not name:
            name = f"column {place}"
            notes.append(f"{where} gives column {place} no name: it is called '{name}'")
        if name in names:
            again, number = header[place - 1], 2
            while (name := f"{again} ({number})") in names:
                number += 1
            notes.append(
                f"{where} has the column name '{again}' {counts[again]} times: column {place} is called '{name}'"
            )
        names.append(name)
    return tuple(names)


def _with_points(name: str, cells: list[str], read: CellTable) -> list[str]:
    """The cells with decimal points, where most have decimal commas."""
    known = [cell.strip() for cell in cells if cell.strip().lower() not in MISSING]
    commas = sum(bool(_COMMA.fullmatch(cell)) for cell in known)
    points = sum("." in cell and bool(DECIMAL.fullmatch(cell)) for cell in known)
    numbers = sum(bool(DECIMAL.fullmatch(cell)) for cell in known)
    if not commas or points >= commas or 2 * (commas + numbers) < len(known):
        return cells
    read.notes.append(f"{read.where}: the decimal commas of column '{name}' were read as points")
    return [cell.replace(",", ".") if _COMMA.fullmatch(cell.strip()) else cell for cell in cells]


def _parquet(path: Path, where: str, budget: int) -> CellTable:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", "tables", "Reading Parquet files") from None
    with reading(f"{path} is not a Parquet file that can be read"):
        held = parquet.read_table(path)
    if held.num_rows * held.num_columns * _CELL > budget:
        raise DataError(f"{path} has {held.num_rows:,} rows: too much for {budget:,} bytes of memory. Split it.")
    if not held.num_rows or not held.num_columns:
        raise DataError(f"{path} holds no rows.")
    columns = tuple(
        ["" if cell is None else str(cell) for cell in held.column(place).to_pylist()]
        for place in range(held.num_columns)
    )
    notes: list[str] = []
    rows = [f"{where} row {number:,}" for number in range(1, held.num_rows + 1)]
    return CellTable(where, _named(held.column_names, where, notes), columns, rows, notes)
