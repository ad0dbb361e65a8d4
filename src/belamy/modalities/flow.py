"""Optical flow of films: where each pixel was in the frame before, and whether it was seen there, [T, 3, H, W]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.arrays import NPY, npy_file, read_npy
from belamy.modalities.fields import Field, Media
from belamy.modalities.video import Modality as Films

CHANNELS = 3
"""Pixels to the right, pixels downwards, and 1 where the place was seen in the frame before, else 0."""


class Modality:
    """Backward flow: x and y from a pixel to its place in the frame before, in pixels, and whether it was seen there.

    The first frame of a film has no flow: zeros, seen nowhere.
    """

    suffix = ".npy"
    words = ("optical flow", "optical flows")

    def __init__(self) -> None:
        self.films = Films()

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Pixels stay pixels."""
        return raw.to(torch.float32)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Pixels stay pixels."""
        return values.to(torch.float32)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Strips of frames: the direction as hue, the length as saturation, black where nothing was seen before."""
        return self.films.sheet(coloured_flow(raw), field, columns, captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """The first ones, playing side by side."""
        return self.films.media(coloured_flow(raw), field)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A ``.npy`` file of float32 [T, 3, H, W]."""
        return npy_file(raw.to(torch.float32).cpu().numpy())

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The flow in a ``.npy`` file of the field's shape."""
        found = read_npy(data) if data.startswith(NPY) else np.zeros(0)
        if found.shape != tuple(field.shape) or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise Unreadable(f"no finite flow of {list(field.shape)}, but {found.dtype} of {list(found.shape)}")
        return torch.from_numpy(found.astype(np.float32))

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """How many pixels things move, and the share of the pixels that were seen in the frame before."""
        seen = raw[:, 1:, 2] > 0
        lengths = raw[:, 1:, :2].double().norm(dim=2)[seen]
        mean, most = (float(lengths.mean()), float(lengths.max())) if len(lengths) else (0.0, 0.0)
        return {"mean": mean, "farthest": most, "seen": float(seen.double().mean()) if seen.numel() else 0.0}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Mean absolute differences, in pixels."""
        return torch.stack([(row - b)[:, :, :2].abs().flatten(1).mean(1) for row in a])


def coloured_flow(raw: Tensor) -> Tensor:
    """Flow ``[n, T, 3, H, W]`` in colours: hues of directions, pale where it is slow.  # uint8 [n, T, 3, H, W]

    Example:
        >>> still = torch.tensor([0.0, 0.0, 1.0]).view(1, 1, 3, 1, 1)
        >>> coloured_flow(still).flatten().tolist()
        [255, 255, 255]
    """
    x, y, seen = raw.cpu().float().unbind(2)
    length = torch.hypot(x, y)
    strength = length / length.amax().clamp_min(1.0)
    turn = torch.atan2(y, x)
    thirds = torch.tensor([0.0, 2.0, 4.0]) * torch.pi / 3
    shade = torch.stack([0.5 + 0.5 * torch.cos(turn - third) for third in thirds.tolist()], 2)
    colours = 1 - strength.unsqueeze(2) * (1 - shade)
    return (255 * colours * (seen > 0).unsqueeze(2)).round().to(torch.uint8)
