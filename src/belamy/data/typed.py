"""What the columns of a table are, told by their cells; and the table as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from belamy.data.delimited import CellTable
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.columns import DECIMAL, MISSING, WHOLE, TableColumn, fitted, read_cell, value_of
from belamy.modalities.table import Modality

PATTERNS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%Y %H:%M",
    "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m",
)  # fmt: skip
"""How dates and times may be written."""
MOSTLY = 0.9
"""A column with at least this share of numbers is one of numbers, and its other cells are faults."""
_TRIED = 50
_DIGITS = 12


def kind_of(table: CellTable, name: str, reader: Modality) -> TableColumn:
    """What a column is, not yet fitted.

    Raises:
        DataError: A category of too many values, dates of which day and month are open, or a column without a cell.
    """
    cells = [cell.strip() for cell in table.cells(name)]
    known = [cell for cell in cells if cell.lower() not in MISSING]
    missing = len(known) < len(cells)
    if not known:
        raise DataError(f"{table.where}: column '{name}' is empty. Type --modality table:drop={name}")
    if name not in listed(reader.category):
        numbers = sum(bool(DECIMAL.fullmatch(cell)) for cell in known)
        if numbers >= MOSTLY * len(known):
            whole = all(WHOLE.fullmatch(cell) for cell in known if DECIMAL.fullmatch(cell))
            return TableColumn(
                name, "integer" if whole else "number", missing, decimals=0 if whole else _decimals(known)
            )
        pattern = pattern_of(known, reader.day_first)
        if pattern and reader.day_first is None and _open(known, pattern):
            raise DataError(
                f"{table.where}: column '{name}' holds dates such as {known[0]}, whose day and month cannot be told "
                "apart. Type --modality table:day_first=true or table:day_first=false"
            )
        if pattern:
            return TableColumn(name, "time", missing, pattern=pattern)
    values = Counter(value_of(cell) for cell in cells)
    if len(values) > reader.most:
        raise DataError(
            f"{table.where}: column '{name}' holds {len(values):,} different texts, and a category may have "
            f"{reader.most}. If it names the rows, type --modality table:drop={name}; else "
            f"--modality table:most={len(values)}"
        )
    return TableColumn(name, "category", missing, tuple(sorted(values)))


def typed(table: CellTable, reader: Modality) -> tuple[list[TableColumn], list[int]]:
    """The columns of a table, and the places of its rows whose cells fit their columns; the others are told.

    Raises:
        DataError: A column cannot be told, or no row is left.
        UsageError: An option names a column that is not there.
    """
    for option in ("drop", "category"):
        for name in listed(getattr(reader, option)):
            if name not in table.names:
                raise UsageError(f"{table.where} has no column '{name}' ({option}). {nearest(name, table.names)}")
    table = table.without(listed(reader.drop))
    if not table.names:
        raise UsageError(f"{table.where}: every column is dropped. Leave one.")
    columns = [kind_of(table, name, reader) for name in table.names]
    bad: dict[int, str] = {}
    for column, cells in zip(columns, table.columns, strict=True):
        spaced = sum(cell != cell.strip() for cell in cells) if column.kind == "category" else 0
        if spaced:
            table.notes.append(
                f"{table.where}: {spaced:,} cell(s) of '{column.name}' have spaces around them, which were cut"
            )
        _check_spelling(column, table)
        if column.kind == "category":
            continue
        for place, cell in enumerate(cells):
            value = read_cell(cell, column.kind, column.pattern)
            if value is not None and not np.isfinite(value):
                what = f"of the form {column.pattern}" if column.kind == "time" else "a number"
                bad.setdefault(place, f"column '{column.name}' holds '{cell.strip()[:40]}', which is not {what}")
    table.skipped.extend((table.rows[place], why) for place, why in sorted(bad.items()))
    if len(bad) == len(table):
        raise DataError(f"{table.where} holds no row that can be read: {table.skipped[0][1]}.")
    return columns, [place for place in range(len(table)) if place not in bad]


def fit_columns(columns: Sequence[TableColumn], table: CellTable, train: Sequence[int]) -> list[TableColumn]:
    """The columns of numbers with their quantiles in the training rows."""
    made = []
    for column in columns:
        if column.kind == "category":
            made.append(column)
            continue
        cells = table.cells(column.name)
        values = [read_cell(cells[place], column.kind, column.pattern) for place in train]
        numbers = np.array([value for value in values if value is not None], dtype=np.float64)
        knots, levels = fitted(numbers if len(numbers) else np.zeros(1))
        made.append(column._replace(knots=knots, levels=levels))
    return made


def encoded(columns: Sequence[TableColumn], table: CellTable) -> np.ndarray:
    """The rows as numbers.  # float64 [N, width]"""
    return np.concatenate([column.encoded(table.cells(column.name))[0] for column in columns], 1)


def suspicions(columns: Sequence[TableColumn], table: CellTable) -> list[str]:
    """What is odd about columns that can be read: constant ones, numbers of rows, far outliers."""
    found = []
    for column in columns:
        cells = [cell.strip() for cell in table.cells(column.name)]
        known = [cell for cell in cells if cell.lower() not in MISSING]
        if column.missing:
            places = [place for place, cell in enumerate(cells) if cell.lower() in MISSING]
            found.append(
                f"column '{column.name}': {len(places):,} of {len(cells):,} cells are missing, first in "
                f"{table.rows[places[0]]}"
            )
        if len(set(known)) == 1 and len(known) > 1:
            found.append(f"column '{column.name}' is constant: '{known[0][:40]}' everywhere")
        elif column.kind == "integer" and len(known) > 20:
            numbers = np.array([int(cell) for cell in known])
            if (np.diff(numbers) == 1).all():
                found.append(f"column '{column.name}' counts the rows: drop it (--modality table:drop={column.name})")
        if column.kind in ("integer", "number"):
            found += _outliers(column, table)
    return found


def _outliers(column: TableColumn, table: CellTable) -> list[str]:
    read = [read_cell(cell, column.kind, "") for cell in table.cells(column.name)]
    values = np.array([np.nan if each is None else each for each in read])
    low, middle, high = np.nanquantile(values, [0.05, 0.5, 0.95])
    if high == low:
        return []
    far = np.flatnonzero(np.abs(values - middle) > 1000 * (high - low))
    return [
        f"column '{column.name}': {table.rows[place]} holds {values[place]:g}, where 90 % lie in {low:g}..{high:g}"
        for place in far[:3].tolist()
    ]


def _check_spelling(column: TableColumn, table: CellTable) -> None:
    """Note values of a category that differ in capital letters alone."""
    groups: dict[str, list[str]] = {}
    for value in column.values:
        groups.setdefault(value.lower(), []).append(value)
    for group in groups.values():
        if len(group) > 1:
            names = " and ".join(f"'{value}'" for value in group)
            table.notes.append(f"{table.where}: column '{column.name}' holds {names}, which count as different")


def pattern_of(known: Sequence[str], day_first: bool | None = None) -> str:
    """How most of some dates are written, "" where half of them or more are none.

    Args:
        known: Cells without spaces around them.
        day_first: Decides where day and month could be either; None takes the day for the first.
    """
    likely = [each for each in PATTERNS if any(_is_time(cell, each) for cell in known[:_TRIED])]
    counts = {each: sum(_is_time(cell, each) for cell in known) for each in likely}
    best = max(counts, key=lambda each: counts[each], default="")
    if not best or 2 * counts[best] < len(known):
        return ""
    other = _swapped(best)
    return other if counts.get(other) == counts[best] and ("%d/%m" in best) == (day_first is False) else best


def _swapped(pattern: str) -> str:
    """The same with day and month the other way round, "" where that is not open."""
    if "%d/%m" in pattern:
        return pattern.replace("%d/%m", "%m/%d")
    return pattern.replace("%m/%d", "%d/%m") if "%m/%d" in pattern else ""


def _open(known: Sequence[str], pattern: str) -> bool:
    """Whether day and month could as well be the other way round."""
    return bool(_swapped(pattern)) and all(
        _is_time(cell, pattern) == _is_time(cell, _swapped(pattern)) for cell in known
    )


def _is_time(cell: str, pattern: str) -> bool:
    try:
        datetime.strptime(cell, pattern)
    except ValueError:
        return False
    return True


def _decimals(cells: Sequence[str]) -> int:
    """The most digits after a point, -1 where there are very many or exponents."""
    numbers = [cell for cell in cells if DECIMAL.fullmatch(cell)]
    if any("e" in cell.lower() for cell in numbers):
        return -1
    most = max(len(cell.partition(".")[2]) for cell in numbers)
    return most if most <= _DIGITS else -1


def listed(names: str) -> list[str]:
    """The names of columns that an option gives, with + between."""
    return [name for name in names.split("+") if name]
