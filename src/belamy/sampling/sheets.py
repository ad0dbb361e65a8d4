"""Sheets of samples of any kind: the picture that stands for them in snapshots, films, reports and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.grid import BACKGROUND, grid

GAP = 2


def sheet_of(
    raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
) -> np.ndarray:
    """One picture of samples as files hold them.  # uint8 [H, W, 3]

    Args:
        raw: ``[n, *field.shape]``.
        field: What they are.
        columns: Of the sheet; by default what suits the kind.
        captions: One for each sample.
    """
    return modality(field.modality).sheet(raw, field, columns, captions)


def picture_of(raw: Tensor, field: Field) -> np.ndarray:
    """One sample as a picture; of pictures without the margin of a sheet, so that places can be compared.

    Args:
        raw: As files hold it.  # [*field.shape]
        field: What it is.
    """
    sheet = sheet_of(raw[None], field, 1)
    own = field.modality in ("image", "label_map") and sheet.shape[0] == raw.shape[-2] + 2 * GAP  # not reduced
    return sheet[GAP:-GAP, GAP:-GAP] if own else sheet


def side_by_side(shown: Mapping[str, tuple[Field, Tensor]], columns: int = 4) -> np.ndarray:
    """Samples of several fields, those that belong together beside each other.  # uint8 [H, W, 3]

    Args:
        shown: Each field's kind and its samples as networks see them, all equally many.
        columns: How many of such groups are in a row.
    """
    count = len(next(iter(shown.values()))[1])
    cells = []
    for number in range(count):
        for field, values in shown.values():
            kind = modality(field.modality)
            raw = kind.to_raw(values[number : number + 1], field).cpu()
            cells.append(kind.sheet(raw, field, 1))
    height, width = (max(cell.shape[axis] for cell in cells) for axis in (0, 1))
    padded = np.full((len(cells), height, width, 3), BACKGROUND, np.uint8)
    for place, cell in enumerate(cells):
        padded[place, : cell.shape[0], : cell.shape[1]] = cell
    columns = len(shown) * min(columns, count)
    return grid(torch.from_numpy(padded).permute(0, 3, 1, 2), columns, GAP)
