"""Pairs in a table: one row names both files."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.files import STEP, opened, stamp, visible
from belamy.data.gallery import PictureEntry
from belamy.data.load_options import LoadOptions
from belamy.data.pairing import TARGET, PairedFiles, open_pairs, two_names
from belamy.data.tables import read_cells
from belamy.errors import DataError, UsageError, nearest


class PairLayout:
    """A CSV file with a column of inputs and one of targets, files relative to its folder.

    Args:
        input: The column of what is given.
        target: The column of what it is to become.
    """

    def __init__(self, *, input: str = "image", target: str = "target") -> None:
        self.columns = two_names(input, target, "column")

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pairs, in the order of the table; a column ``split`` says train, test or val.

        Raises:
            UsageError: It is a folder, or has no such column.
            DataError: It is no table.
        """
        if path.is_dir():
            raise UsageError(f"Pairs in a table need a CSV file, but {path} is a folder.")
        if options.labels is not None:
            raise UsageError(f"Pairs in a table have no labels. Leave --labels {options.labels} out.")
        titles, *rows = read_cells(path, max(options.memory_budget, STEP)) or [[]]
        for column in self.columns:
            if column not in titles:
                raise UsageError(
                    f"{path} has no column '{column}'. {nearest(column, titles)} Say which columns name the files: "
                    "--modality image:pairs=table,input=COLUMN,target=COLUMN"
                )
        places = [titles.index(column) for column in self.columns]
        split = titles.index("split") if "split" in titles else None
        inputs: dict[str, PictureEntry] = {}
        targets: dict[str, PictureEntry] = {}
        skipped: list[tuple[str, str]] = []
        for number, row in enumerate(rows, 2):
            cells = [row[place] if place < len(row) else "" for place in places]
            entries = [_entry(path.parent, cell) for cell in cells]
            missing = [cell or "nothing" for cell, entry in zip(cells, entries, strict=True) if entry is None]
            if missing:
                skipped.append((f"row {number}", f"it names {missing[0]}, which is no file"))
                continue
            given, wanted = entries
            assert given is not None and wanted is not None
            prefix = f"{row[split].strip().lower()}/" if split is not None and split < len(row) else ""
            name = f"{prefix}{given.name}"
            if name in inputs:
                skipped.append((f"row {number}", f"an earlier row names {given.name} too"))
                continue
            inputs[name], targets[name] = given, wanted
        if not rows:
            raise DataError(f"{path} has no rows of pairs.")
        return open_pairs(PairedFiles(path.stem, str(path), inputs, {TARGET: targets}, skipped), options)


def _entry(folder: Path, cell: str) -> PictureEntry | None:
    """The file that a cell names; None if there is none."""
    file = folder / os.path.expanduser(cell)
    return PictureEntry(visible(cell), stamp(file), partial(opened, file)) if cell and file.is_file() else None
