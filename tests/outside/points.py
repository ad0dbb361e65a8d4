"""A kind of data of one's own, sets of points in the plane, and the ``.npy`` files that hold them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError, Unreadable
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import grid

SIDE = 48


class Modality:
    """``[N, 2]`` points in the square from -1 to 1."""

    suffix = ".npy"
    words = ("point set", "point sets")

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        return raw.to(torch.float32)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        return values.detach().to(torch.float32).clamp(-1, 1)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        pictures = torch.full((len(raw), 1, SIDE, SIDE), 255, dtype=torch.uint8)
        places = ((raw.clamp(-1, 1) + 1) / 2 * (SIDE - 1)).round().long()
        for number, points in enumerate(places):
            pictures[number, 0, points[:, 1], points[:, 0]] = 0
        return grid(pictures, columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, raw.numpy())
        return buffer.getvalue()

    def decode(self, data: bytes, field: Field) -> Tensor:
        try:
            points = torch.from_numpy(np.load(io.BytesIO(data)))
        except ValueError as error:
            raise Unreadable(f"no array ({error})") from error
        if points.shape != field.shape:
            raise Unreadable(f"{list(points.shape)}, not {list(field.shape)}")
        return points

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        return {"mean": raw.mean((0, 1)).tolist()}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """The mean distance to the nearest point of the other set, both ways."""
        apart = torch.cdist(a[:, None].float(), b[None].float())  # [n, m, N, N]
        return (apart.min(2).values.mean(2) + apart.min(3).values.mean(2)) / 2


class Format:
    """An array ``[sets, N, 2]``, where the user says that it holds points."""

    modalities = ("points",)

    def claim(self, path: Path) -> int:
        return 1 if path.suffix == ".npy" else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        sets = torch.from_numpy(np.load(path)).float()
        if sets.dim() != 3 or sets.shape[2] != 2:
            raise DataError(f"{path} holds an array {list(sets.shape)}, but point sets are [sets, N, 2].")
        return Dataset(path.stem, Memory(sets), field=Field("points", tuple(sets.shape[1:])))
