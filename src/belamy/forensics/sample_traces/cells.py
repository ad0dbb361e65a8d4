"""The cells of a row, and what two of them say together."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.modalities import modality
from belamy.modalities.fields import Field

PAIRED = 24
"""Numbers of a row up to which the products of all pairs are looked at: what is correlated in real rows."""


class SampleTrace:
    """The numbers of a row as networks see them, and of short rows the products of all pairs.

    Args:
        field: Of the rows.
    """

    modalities = ("table", "vector")
    title = "Cells and their pairs"

    def __init__(self, field: Field) -> None:
        self.field, self.kind = field, modality(field.modality)

    def describe(self, raw: Tensor) -> Tensor:
        values = self.kind.to_float(raw, self.field).double().flatten(1)
        if values.shape[1] > PAIRED:
            return values
        left, right = torch.triu_indices(values.shape[1], values.shape[1], 1)
        return torch.cat([values, values[:, left] * values[:, right]], 1)
