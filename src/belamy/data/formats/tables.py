"""Tables: one CSV or Parquet file, a folder of them, or a NumPy array of rows."""

from __future__ import annotations

from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.delimited import CellTable, read_cells, unsaid
from belamy.data.load_options import LoadOptions
from belamy.data.numbers import NUMPY, array_cells
from belamy.data.table_set import table_set
from belamy.errors import DataError

TEXT = (".csv", ".tsv", ".parquet")


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
        if options.kind is None:
            raise unsaid(path)
        return table_set(path.stem, read_parts(path, options.memory_budget), options)


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
