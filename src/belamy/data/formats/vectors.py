"""Vectors: a CSV file of numbers with a row for each, or a NumPy array ``[N, n]``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from belamy.data.assembly import categories
from belamy.data.dataset import Dataset
from belamy.data.delimited import read_cells, unsaid
from belamy.data.load_options import LoadOptions
from belamy.data.numbers import NUMPY, array_cells
from belamy.data.ranged import ranged
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.columns import read_cell

TEXT = (".csv", ".tsv", ".parquet")


class Format:
    """Rows of plain numbers, scaled by their range; ``--labels COLUMN`` makes a column the label."""

    modalities = ("vector",)

    def claim(self, path: Path) -> int:
        """2 by the suffix."""
        return 2 if path.is_file() and path.suffix.lower() in (*TEXT, *NUMPY) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The vectors; rows in which a number is missing are left out.

        Raises:
            DataError: It cannot be read, or no row is whole.
            UsageError: There is no such column of labels.
        """
        if options.kind is None:
            raise unsaid(path)
        read = array_cells if path.suffix.lower() in NUMPY else read_cells
        table = read(path, options.memory_budget)
        labels = options.labels or ("label" if path.suffix.lower() in NUMPY and "label" in table.names else None)
        if labels is not None and labels not in table.names:
            raise UsageError(f"{path} has no column '{labels}'. {nearest(labels, table.names)}")
        names = [name for name in table.names if name != labels]
        values = np.array([[_number(cell) for cell in table.cells(name)] for name in names], dtype=np.float64).T
        whole = np.isfinite(values).all(1)
        skipped = list(table.skipped)
        for place in np.flatnonzero(~whole).tolist():
            name = names[int((~np.isfinite(values[place])).argmax())]
            cell = table.cells(name)[place].strip()[:40]
            skipped.append((table.rows[place], f"column '{name}' holds '{cell}', which is not a number"))
        if not whole.any():
            raise DataError(
                f"{path} holds no row of numbers alone: {skipped[0][1]}. For mixed columns: --modality table"
            )
        kept = np.flatnonzero(whole).tolist()
        label = None if labels is None else categories([table.cells(labels)[place].strip() for place in kept])
        return ranged(
            "vector", path.stem, torch.from_numpy(values[whole]).float(), columns=names,
            labels=label.codes if label else None, classes=label.values if label else (), skipped=skipped,
            notes=table.notes, names=[table.rows[place] for place in kept],
        )  # fmt: skip


def _number(cell: str) -> float:
    value = read_cell(cell, "number", "")
    return np.nan if value is None else value
