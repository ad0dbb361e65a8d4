"""Labels from a CSV file: a column that names files, and one or more that say something about them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from belamy.data.assembly import attribute, categories
from belamy.data.dataset import Attribute
from belamy.data.measures import MEASURES
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, UsageError, nearest

_LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
_LARGEST = 1 << 28


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


def locate(wanted: str, folder: Path, name: str) -> tuple[Path, str | None]:
    """The CSV file that ``--labels`` means, and the column after a colon, if there is one.

    Args:
        wanted: ``FILE.csv`` or ``FILE.csv:COLUMN``; relative to the working folder or to ``folder``.
        folder: Where the images are.
        name: What the set is called, for messages.

    Raises:
        UsageError: There is no such file.
    """
    file, colon, column = wanted.rpartition(":")
    for text, chosen in ((wanted, None), (file, column)):
        for path in (Path(os.path.expanduser(text)), folder / text):
            if text and os.path.isfile(path):
                return path, chosen
    known = sorted(path.name for path in folder.glob("*.csv")) if folder.is_dir() else []
    names = [*known, *MEASURES.names()]
    hint = nearest(file if colon else wanted, names)
    if not hint.startswith("Did") and not known:
        hint = f"Give a CSV file with a column of file names, or a measure: {', '.join(MEASURES.names())}."
    raise UsageError(f"There is no file of labels '{wanted}' for {name}. {hint}")


def read_table(path: Path) -> LabelTable:
    """A CSV file with commas, semicolons or tabs, with or without a header.

    The column of file names is the one in which most cells end as a picture's name does, or else the first.

    Raises:
        DataError: It is empty, of one column, not text, or names a file twice with different labels.
    """
    if path.stat().st_size > _LARGEST:
        raise DataError(f"{path} is too large for a table of labels: {path.stat().st_size:,} bytes.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        cells = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"{path} is not a table of text: {error}.") from error
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


def apply_table(table: LabelTable, names: Sequence[str], column: str | None) -> Labelling:
    """Labels for files by their relative names, or by names alone where those are unique.

    Raises:
        UsageError: No such column, or several to choose from.
        DataError: The table labels none of the files.
    """
    chosen = _label_column(table, column)
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
    attributes = {
        title: attribute([row[index] for row in cells])
        for index, title in enumerate(table.columns)
        if all(row[index] for row in cells)
    }
    label = categories([row[chosen] for row in cells])
    absent = sorted(set(table.rows) - {key for key in found if key is not None})
    notes = [f"{short} names {len(absent):,} absent file(s): {_some(absent)}"] if absent else []
    return Labelling(kept, skipped, attributes, label, notes)


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


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
