"""Labels from a CSV file: a column that names files, and one or more that say something about them."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from belamy.data.assembly import attribute, categories, measurement, number_of_parts
from belamy.data.dataset import Attribute
from belamy.data.files import STEP, read_text, some, visible
from belamy.data.measures import MEASURES
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, UsageError, nearest

_PARTS = re.compile(r"(?P<rest>.+):parts=(?P<parts>[^:]*)")
_LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
_LONGEST_ROW = 1 << 20
"""Characters; more in a row are no labels."""
_ROW, _CELL = 200, 150
"""Bytes that a row and a cell of text take in memory, beside the text and 8 bytes for each place in a row."""


@dataclass(frozen=True)
class LabelTable:
    """A CSV file of labels.

    Args:
        where: The file, for messages.
        columns: Names of the columns other than the one of file names.
        rows: File name as written in the table → the other cells.
    """

    where: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Wanted:
    """A table, and what is wanted of it.

    Args:
        table: The CSV file.
        column: The column of labels; None where there is only one, or one by a usual name.
        parts: Into how many parts of equal size a column of numbers is split; None for classes.
    """

    table: LabelTable
    column: str | None = None
    parts: int | None = None


def wanted_table(labels: str, folder: Path, name: str, budget: int = 2 << 30) -> Wanted:
    """The CSV file that ``--labels`` means: ``FILE.csv``, ``FILE.csv:COLUMN`` or ``FILE.csv:COLUMN:parts=3``.

    Args:
        labels: What the user typed; the file is relative to the working folder or to ``folder``.
        folder: Where the images are.
        name: What the set is called, for messages.
        budget: Bytes of memory that the table may take.

    Raises:
        UsageError: There is no such file.
        DataError: It is no table of text.
    """
    given, parts = _PARTS.fullmatch(labels), None
    text = labels
    if given:
        text, parts = given["rest"], number_of_parts(given["parts"])
    file, colon, column = text.rpartition(":")
    for place, chosen in ((text, None), (file, column)):
        for path in (Path(os.path.expanduser(place)), folder / place):
            if place and os.path.isfile(path):
                return Wanted(read_table(path, budget), chosen, parts)
    known = sorted(path.name for path in folder.glob("*.csv")) if folder.is_dir() else []
    hint = nearest(file if colon else text, [*known, *MEASURES.names()])
    if not hint.startswith("Did") and not known:
        hint = f"Give a CSV file with a column of file names, or a measure: {', '.join(MEASURES.names())}."
    raise UsageError(f"There is no file of labels '{labels}' for {name}. {hint}")


def read_table(path: Path, budget: int = 2 << 30) -> LabelTable:
    """A CSV file with commas, semicolons or tabs, with or without a header.

    The column of file names is the one in which most cells end as a picture's name does, or else the first.

    Args:
        path: The file.
        budget: Bytes of memory that its cells may take.

    Raises:
        DataError: It is empty, of one column, not text, too large, or names a file twice with different labels.
    """
    cells = read_cells(path, max(budget, STEP))
    width = max((len(row) for row in cells), default=0)
    if width < 2:
        raise DataError(f"{path} must have a column of file names and at least one of labels, with a comma between.")
    cells = [row + [""] * (width - len(row)) for row in cells]
    files = _file_column(cells)
    header = not is_picture_name(cells[0][files]) and any(is_picture_name(row[files]) for row in cells[1:])
    titles = cells[0] if header else [f"column{index + 1}" for index in range(width)]
    rows: dict[str, tuple[str, ...]] = {}
    for row in cells[1:] if header else cells:
        values = tuple(cell for index, cell in enumerate(row) if index != files)
        key = row[files].replace("\\", "/").removeprefix("./")
        if rows.setdefault(key, values) != values:
            raise DataError(f"{path} names {key} twice, with different labels.")
    return LabelTable(str(path), tuple(title for index, title in enumerate(titles) if index != files), rows)


def read_cells(path: Path, budget: int) -> list[list[str]]:
    """All rows, as long as they are; equal cells are one object, so that columns of few values take little memory."""
    text = read_text(path, budget // 8)
    first = text[:_LONGEST_ROW].partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    known: dict[str, str] = {}
    cells: list[list[str]] = []
    width = taken = 0
    try:
        for row in csv.reader(_lines(path, text), delimiter=delimiter):
            if not row:
                continue
            before = len(known)
            cells.append([known.setdefault(cell, cell) for cell in (visible(cell.strip()) for cell in row)])
            width, taken = max(width, len(row)), taken + _CELL * (len(known) - before)
            if 2 * len(cells) * (_ROW + 8 * width) + taken > budget:
                raise DataError(
                    f"{path} has {len(cells):,} rows or more, the longest of {width:,} cells: too much for a table of "
                    f"labels, which may take {budget:,} bytes. Does every row have the same cells?"
                )
    except csv.Error as error:
        raise DataError(f"{path} is not a table of text: {error}.") from error
    return cells


def _lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > _LONGEST_ROW:
            raise DataError(f"{path} is not a table of labels: row {number:,} has {len(line):,} characters.")
        yield line


@dataclass(frozen=True)
class Labelling:
    """What a table says about the files that are there.

    Args:
        kept: Indices of the files that it labels.
        skipped: The others, with the reason.
        attributes: A column each, for the files kept.
        label: The column chosen as label.
        notes: Files that it names and that are absent.
    """

    kept: list[int]
    skipped: list[tuple[str, str]]
    attributes: dict[str, Attribute]
    label: Attribute
    notes: list[str]


def apply_table(wanted: Wanted, names: Sequence[str]) -> Labelling:
    """Labels for files by their relative names, or by names alone where those are unique.

    A column of many different numbers is a measurement: it is split into a low and a high half, or into the parts that
    are wanted.

    Raises:
        UsageError: No such column, or several to choose from.
        DataError: The table labels none of the files, or cannot be split.
    """
    table = wanted.table
    chosen = _label_column(table, wanted.column)
    found = _matched(table, names)
    kept = [index for index, key in enumerate(found) if key is not None and table.rows[key][chosen]]
    short = Path(table.where).name
    if not kept:
        example = next(iter(table.rows), "")
        raise DataError(
            f"{table.where} labels none of the images: it names '{example}', where '{names[0]}' was expected."
        )
    labelled = set(kept)
    skipped = [(name, f"no label in {short}") for index, name in enumerate(names) if index not in labelled]
    cells = [table.rows[key] for index, key in enumerate(found) if key is not None and index in labelled]
    columns = {title: [row[index] for row in cells] for index, title in enumerate(table.columns)}
    attributes = {
        name: measurement(column, name) or attribute(column) for name, column in columns.items() if all(column)
    }
    title, labels, notes = table.columns[chosen], [row[chosen] for row in cells], []
    label = measurement(labels, title, wanted.parts)
    if label is not None:
        attributes[title] = label
        thirds = "" if wanted.parts else f"; type --labels {short}:{title}:parts=3 for thirds"
        notes.append(
            f"{title} holds {len(set(labels)):,} different numbers, so the classes are {len(label.values)} parts of "
            f"equal size{thirds}"
        )
    absent = sorted(set(table.rows) - {key for key in found if key is not None})
    if absent:
        notes.append(f"{short} names {len(absent):,} absent file(s): {some(absent, 3)}")
    return Labelling(kept, skipped, attributes, label or categories(labels), notes)


def _file_column(cells: list[list[str]]) -> int:
    scores = [sum(is_picture_name(row[index]) for row in cells) for index in range(len(cells[0]))]
    return scores.index(max(scores))


def _label_column(table: LabelTable, column: str | None) -> int:
    if column is not None:
        if column not in table.columns:
            raise UsageError(f"{table.where} has no column '{column}'. {nearest(column, table.columns)}")
        return table.columns.index(column)
    if len(table.columns) == 1:
        return 0
    lowered = [title.lower() for title in table.columns]
    for title in _LABEL_COLUMNS:
        if title in lowered:
            return lowered.index(title)
    raise UsageError(
        f"{table.where} has the columns {', '.join(table.columns)}. Choose one: "
        f"--labels {table.where}:{table.columns[0]}"
    )


def _matched(table: LabelTable, names: Sequence[str]) -> list[str | None]:
    """For each file the row that names it: by the whole name, else by the last part, with or without suffix."""
    ends = _unique((PurePosixPath(name).name, name) for name in names)
    stems = _unique((PurePosixPath(name).stem, name) for name in names)
    wholes = {name: name for name in names}
    rows: dict[str, str] = {}
    for key in table.rows:
        last = PurePosixPath(key).name
        name = wholes.get(key) or ends.get(last) or stems.get(last)
        if name is not None:
            rows.setdefault(name, key)
    return [rows.get(name) for name in names]


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    listed = list(pairs)
    counts = Counter(key for key, _ in listed)
    return {key: value for key, value in listed if counts[key] == 1}
