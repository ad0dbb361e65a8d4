"""Vectors: n numbers for each sample, without further meaning."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.fields import Field, Media
from belamy.modalities.scaling import from_unit, ranges, to_unit
from belamy.modalities.series import channel_names
from belamy.modalities.table import csv_bytes

SIDE, MARGIN = 420, 8
"""Pixels of a plot of points in the plane, and those around [-1, 1]²."""
INK = (31, 119, 180)
_LARGEST = 3900


class Modality:
    """Vectors whose numbers are scaled to [-1, 1] by the training split's range."""

    suffix = ".csv"
    words = ("vector", "vectors")
    recipe = "dense-table"  # what the doctor of data suggests

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Each number on [-1, 1]."""
        return to_unit(raw, field.facts)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Each number in its own units, float32."""
        return from_unit(values, field.facts)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Two numbers as points in the plane; more as a row of shades for each vector, dark for high."""
        facts = field.facts or ranges(torch.nan_to_num(raw))
        values = torch.nan_to_num(to_unit(raw, facts).clamp(-1, 1)).numpy()
        if raw.shape[1] == 2:
            return scatter(values)
        shown = values[:_LARGEST, :_LARGEST]
        shades = (127.5 - 127.5 * shown).astype(np.uint8)
        height, width = (max(1, min(12, _LARGEST // side)) for side in shown.shape)
        return np.repeat(shades.repeat(height, 0).repeat(width, 1)[:, :, None], 3, axis=2)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: vectors are looked at."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A CSV file: the names of the numbers, then the numbers."""
        return self.join(raw[None], field)

    def join(self, raw: Tensor, field: Field, labels: Sequence[str] = ()) -> bytes:
        """A CSV file of many vectors ``[n, d]``, with their classes as the last column where they are given."""
        names, cells = channel_names(field), [list(map(str, column)) for column in raw.to(torch.float32).T.numpy()]
        return csv_bytes([*names, "label"], [*cells, labels]) if labels else csv_bytes(names, cells)

    def decode(self, data: bytes, field: Field) -> Tensor:
        """A vector from such a file."""
        try:
            rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
            values = torch.tensor([float(cell) for cell in rows[1]], dtype=torch.float32)
        except (ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
            raise Unreadable(f"no CSV file with a row of numbers ({error})") from error
        if tuple(rows[0]) != channel_names(field) or len(values) != field.shape[0] or len(rows) != 2:
            raise Unreadable(f"not one row of {', '.join(channel_names(field)[:5])}{' …' * (field.shape[0] > 5)}")
        if not torch.isfinite(values).all():
            raise Unreadable("a number is missing or infinite")
        return values

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Range, mean and spread of each number."""
        values = raw.double()
        rows = zip(channel_names(field), values.amin(0).tolist(), values.amax(0).tolist(), values.mean(0).tolist(),
                   values.std(0, correction=0).tolist(), strict=True)  # fmt: skip
        return {
            "numbers": {name: {"low": low, "high": high, "mean": mean, "sd": sd} for name, low, high, mean, sd in rows}
        }

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Euclidean distances of scaled vectors."""
        return torch.cdist(self.to_float(a, field), self.to_float(b, field))


def scatter(points: np.ndarray) -> np.ndarray:
    """Points ``[n, 2]`` in [-1, 1]² on white.  # uint8 [SIDE, SIDE, 3]"""
    picture = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    for x, y in (MARGIN + (SIDE - 2 * MARGIN) * (points * [1, -1] + 1) / 2).tolist():
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=INK)
    return np.asarray(picture)
