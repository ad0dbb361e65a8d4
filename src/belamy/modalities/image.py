"""Pictures: [C, H, W] bytes in files, [-1, 1] for networks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import encode_png, grid


def to_float(images: Tensor) -> Tensor:
    """Pixels 0..255 (uint8) as float32 in [-1, 1]: x / 127.5 - 1, up to one rounding, since it multiplies.

    Example:
        >>> to_float(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """
    return images.to(torch.float32).mul_(1 / 127.5).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1] as pixels 0..255: 127.5 x + 128, clipped and truncated, so that all 256 values survive.

    Example:
        >>> to_uint8(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([  0, 128, 255], dtype=torch.uint8)
    """
    return (images.detach().to(torch.float32) * 127.5 + 128).clamp_(0, 255).to(torch.uint8)


class Modality:
    """Pictures of any height and width."""

    suffix = ".png"
    words = ("picture", "pictures")

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Pixels as float32 in [-1, 1]."""
        return to_float(raw)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Floats in [-1, 1] as pixels."""
        return to_uint8(values)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """The pictures in rows."""
        return grid(raw, columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: pictures are looked at."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A PNG file."""
        pixels = raw.numpy()
        return encode_png(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The pixels of a picture file of the field's size, in its number of channels."""
        channels, height, width = field.shape
        try:
            with Image.open(io.BytesIO(data)) as image:
                pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        except Exception as error:  # a damaged file can make a decoder raise nearly anything
            raise Unreadable(f"not a picture ({error})") from error
        if pixels.shape[:2] != (height, width):
            raise Unreadable(f"{pixels.shape[1]}x{pixels.shape[0]} pixels, not {width}x{height}")
        return torch.from_numpy(pixels.reshape(height, width, -1).transpose(2, 0, 1).copy())

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Mean and spread of the pixels."""
        values = raw.to(torch.float64)
        return {"mean": float(values.mean()), "sd": float(values.std(correction=0))}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Euclidean distances of pixels."""
        return torch.cdist(to_float(a).flatten(1), to_float(b).flatten(1))
