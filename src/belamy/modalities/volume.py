"""Volumes: grids of voxels [1, D, H, W], the depth pointing up; full or empty, or of densities.

Raw values are true and false (1 bit), bytes (8) or floats from 0 to 1 (32).
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.arrays import NPY, npy_file, read_npy
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import grid
from belamy.modalities.views import view

MOST_VOXELS = 1 << 27
BINVOX = b"#binvox"
CELL, TURNING, LARGEST = 96, 8, 3600
"""Pixels of a volume in a sheet; volumes in the turning picture; pixels of the side of a sheet."""
FRAMES, FRAME_MS, COLOURS = 24, 100, 48
TYPES = {1: torch.bool, 8: torch.uint8, 32: torch.float32}
"""Of raw volumes, by their bits."""


class Modality:
    """Volumes as files hold them, and as networks see them: -1 where there is nothing, 1 where it is full."""

    suffix = ".npy"
    words = ("volume", "volumes")

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Occupancies as float32 in [-1, 1]."""
        return densities(raw).mul_(2).sub_(1)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Values in [-1, 1] as the field's own: full where they are above 0, bytes rounded, or densities."""
        values = values.detach().to(torch.float32)
        if field.bits == 1:
            return values > 0
        shares = values.add(1).div_(2).clamp_(0, 1)
        return shares.mul_(255).round_().to(torch.uint8) if field.bits == 8 else shares

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Each volume from above its corner; the middle slices of one whose outside is full."""
        across = columns or math.ceil(math.sqrt(len(raw)))
        side = max(8, min(CELL, LARGEST // max(across, math.ceil(len(raw) / across))))
        pictures = view(densities(raw)[:, 0].numpy(), side)
        return grid(pictures.transpose(0, 3, 1, 2), columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """The first volumes turning once."""
        some = densities(raw[:TURNING])[:, 0].numpy()
        turns = [view(some, CELL, 2 * math.pi * step / FRAMES, smooth=1) for step in range(FRAMES)]
        frames = [Image.fromarray(grid(turn.transpose(0, 3, 1, 2), min(4, len(some)))) for turn in turns]
        palette = frames[0].quantize(COLOURS)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
        film = io.BytesIO()
        frames[0].save(film, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
        return (Media("image/gif", film.getvalue(), "The first of them, turning."),)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A ``.npy`` file of [D, H, W]."""
        return npy_file(raw[0].cpu().numpy())

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The volume of a ``.npy`` or binvox file."""
        found = torch.from_numpy(read_volume(data))[None]
        if tuple(found.shape) != field.shape:
            sides = ("x".join(map(str, shape[1:])) for shape in (tuple(found.shape), field.shape))
            raise Unreadable("{} voxels, not {}".format(*sides))
        return found if found.dtype == TYPES[field.bits] else self.to_raw(self.to_float(found, field), field)

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """How full volumes are, in how many pieces, how many are empty or full, and alike on both sides."""
        solid = densities(raw)[:, 0].numpy() > 0.5
        shares = solid.reshape(len(solid), -1).mean(1)
        counts = np.array([pieces(each) for each in solid])
        return {
            "type": str(raw.dtype).removeprefix("torch."),
            "occupancy": float(shares.mean()),
            "occupancy_range": [float(shares.min()), float(shares.max())],
            "pieces": float(counts.mean()),
            "in_one_piece": float((counts == 1).mean()),
            "mirrored": float(mirrored(solid).mean()),
            "empty": int((shares == 0).sum()),
            "full": int((shares == 1).sum()),
        }

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        r"""One minus the intersection over the union; of densities :math:`1-\sum\min/\sum\max`.  # [n, m]"""
        first, second = densities(a).flatten(1), densities(b).flatten(1)
        apart = torch.cdist(first, second, p=1)
        union = (first.sum(1)[:, None] + second.sum(1) + apart) / 2
        return apart / union.clamp_min(1e-12)


def densities(raw: Tensor) -> Tensor:
    """Raw volumes as fresh float32 numbers in [0, 1]."""
    values = raw.to(torch.float32, copy=True)
    return values.div_(255) if raw.dtype == torch.uint8 else values


def pieces(solid: np.ndarray) -> int:
    """How many pieces a volume has whose voxels touch by their faces.  # bool [D, H, W]"""
    return int(ndimage.label(solid)[1])


def mirrored(solid: np.ndarray) -> np.ndarray:
    """Whether each volume, unless empty, is the same from left and right.  # bool [n, D, H, W] -> bool [n]"""
    same: np.ndarray = (solid == solid[..., ::-1]).all((1, 2, 3)) & solid.any((1, 2, 3))
    return same


def read_volume(data: bytes) -> np.ndarray:
    """The volume in the bytes of a ``.npy`` or binvox file.  # bool, uint8 or float32 [D, H, W]

    Raises:
        Unreadable: It is neither, damaged, too large, or its values are no volume's.
    """
    if data.startswith(BINVOX):
        return read_binvox(data)
    if not data.startswith(NPY):
        raise Unreadable("neither a NumPy nor a binvox file")
    array = read_npy(data)
    if array.ndim == 4 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 3 or 0 in array.shape:
        raise Unreadable(f"an array of shape {array.shape}, but a volume is [depth, height, width]")
    return as_densities(array)


def as_densities(array: np.ndarray) -> np.ndarray:
    """Values of a volume in one of the three types: bool, uint8 or float32 from 0 to 1.

    0 and 1 of any type of whole numbers are false and true, 0 to 255 bytes; floats in [-1, 1] are brought to [0, 1].

    Raises:
        Unreadable: Values of another kind or range, or that are not finite.
    """
    if array.dtype.kind not in "biuf":
        raise Unreadable(f"values of type {array.dtype}, which are no voxels")
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Unreadable("values that are NaN or infinite")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f":
        if low < -1 or high > 1:
            raise Unreadable(f"values from {low:g} to {high:g}, but densities are in 0..1: scale them")
        values = array.astype(np.float32)
        return (values + 1) / 2 if low < 0 else values
    if low < 0 or high > 255:
        raise Unreadable(f"whole numbers from {low:g} to {high:g}, but bytes are in 0..255: scale them to 0..1")
    return array.astype(bool) if high <= 1 else array.astype(np.uint8)


def read_binvox(data: bytes) -> np.ndarray:
    """The volume of a binvox file, whose y axis points up; version 1.  # bool [y, z, x]

    After a text of lines up to ``data``, pairs of bytes: a value, and how often it stands, y running fastest, then z.

    Raises:
        Unreadable: It is damaged or too large.
    """
    head, mark, body = data.partition(b"\ndata\n")
    sizes = [line.split()[1:] for line in head.splitlines() if line.startswith(b"dim")]
    if not mark or len(sizes) != 1 or len(sizes[0]) != 3 or not all(size.isdigit() for size in sizes[0]):
        raise Unreadable("a binvox file without its lines 'dim' and 'data'")
    x, z, y = (int(size) for size in sizes[0])
    if not 0 < x * y * z <= MOST_VOXELS:
        raise Unreadable(f"a binvox file of {x}x{z}x{y} voxels; at most {MOST_VOXELS:,} are read")
    runs = np.frombuffer(body[: len(body) // 2 * 2], np.uint8).reshape(-1, 2)
    if (held := int(runs[:, 1].sum(dtype=np.int64))) != x * y * z:
        raise Unreadable(f"a damaged binvox file: it promises {x * y * z:,} voxels and holds {held:,}")
    return np.repeat(runs[:, 0] > 0, runs[:, 1]).reshape(x, z, y).transpose(2, 1, 0).copy()
