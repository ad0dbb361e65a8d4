"""Pictures: [C, H, W] of bytes, 16 bits or floats in files, [-1, 1] for networks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.colours import recolour
from belamy.modalities.depth import (
    BITS,
    DEEP,
    DTYPES,
    Values,
    deep_colours,
    encode_deep_png,
    has_deep_colours,
    pixels_of,
)
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import encode_png, grid, within

LAYOUTS = ("channels-first", "channels-last")
_NPY = b"\x93NUMPY"


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
    """Pictures of any height and width.

    Bits and layout say how files are read; what was read is said by the field.

    Args:
        bits: Of a value: 8, or 16 or 32 (floats in [0, 1]) to keep what files hold beyond that.
        layout: Of arrays whose shape leaves it open: ``channels-first``, [N, C, H, W], or ``channels-last``,
            [N, H, W, C].
        pairs: How pairs of pictures lie on disk: ``beside``, ``folders``, ``table`` or ``arrays``; empty for no pairs.
        input: What is given: the half (left or right), the folder, the column or the array.
        target: What it is to become: the folder, the column or the array.
        captions: Where captions are: ``beside`` for a text file beside each picture, or a file of them, CSV or JSON
            lines; empty for no captions.
        unit: What a symbol of captions is: ``characters``, or ``words``, by which texts with others can be refused.

    Raises:
        UsageError: There is no such depth or layout.
    """

    words = ("picture", "pictures")
    suffix = ".png"

    def __init__(
        self,
        *,
        bits: int = 8,
        layout: str = "",
        pairs: str = "",
        input: str = "",
        target: str = "",
        captions: str = "",
        unit: Literal["characters", "words"] = "characters",
    ) -> None:
        if bits not in BITS:
            raise UsageError(f"image:bits={bits}, but pictures have 8 or 16 bits, or 32 for floats.")
        if layout and layout not in LAYOUTS:
            raise UsageError(f"image:layout={layout}, but it must be {' or '.join(LAYOUTS)}.")
        self.bits, self.layout = bits, layout
        self.pairs, self.input, self.target, self.captions = pairs, input, target, captions
        self.unit = unit

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Pixels as float32 in [-1, 1]."""
        if field.bits == 8:
            return to_float(raw)
        scale = 2 / DEEP if field.bits == 16 else 2.0
        return raw.to(torch.float32, copy=True).mul_(scale).sub_(1)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Floats in [-1, 1] as pixels."""
        if field.bits == 8:
            return to_uint8(values)
        shares = values.detach().to(torch.float32).add(1).div_(2).clamp_(0, 1)
        return shares if field.bits == 32 else shares.mul_(DEEP).round_().to(torch.int32).to(torch.uint16)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """The pictures in rows: opacity over a chequered ground, channels that are no colours side by side in grey."""
        return within(grid(as_bytes(raw), columns, captions=captions))

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: pictures are looked at."""
        return ()

    def suffix_of(self, field: Field) -> str:
        """Of a file of one sample of a field: what no PNG holds is a TIFF, if it is grey, or an array."""
        if field.bits < 32:
            return ".png" if field.shape[0] <= 4 else ".npy"
        return ".tiff" if field.shape[0] == 1 else ".npy"

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A file without loss: PNG of 8 or 16 bits, TIFF of floats, or a NumPy array [C, H, W]."""
        pixels, kind = raw.cpu().numpy(), self.suffix_of(field)
        buffer = io.BytesIO()
        if kind == ".npy":
            np.save(buffer, pixels)
        elif kind == ".tiff":
            Image.fromarray(pixels[0]).save(buffer, "TIFF")
        elif field.bits == 16:
            return encode_deep_png(pixels.transpose(1, 2, 0))
        else:
            return encode_png(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        return buffer.getvalue()

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The pixels of a picture file of the field's size, in its number of channels and its depth."""
        channels, height, width = field.shape
        try:
            pixels = torch.from_numpy(np.load(io.BytesIO(data))) if data.startswith(_NPY) else _decoded(data, field)
        except Exception as error:  # a damaged file can make a decoder raise nearly anything
            raise Unreadable(f"not a picture ({error})") from error
        if pixels.ndim != 3 or pixels.dtype != DTYPES[field.bits]:
            raise Unreadable(f"{pixels.dtype} {list(pixels.shape)}, not {DTYPES[field.bits]} {list(field.shape)}")
        if pixels.shape[1:] != (height, width):
            raise Unreadable(f"{pixels.shape[2]}x{pixels.shape[1]} pixels, not {width}x{height}")
        if len(pixels) != channels and max(len(pixels), channels) > 4:
            raise Unreadable(f"{len(pixels)} channels, not {channels}")
        return recolour(pixels[None], channels)[0]

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Mean and spread of the pixels."""
        values = raw.to(torch.float64)
        return {"mean": float(values.mean()), "sd": float(values.std(correction=0))}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Euclidean distances of pixels."""
        return torch.cdist(self.to_float(a, field).flatten(1), self.to_float(b, field).flatten(1))


def as_bytes(raw: Tensor) -> Tensor:
    """Pictures of any depth as bytes.  # uint8 [n, C, H, W]"""
    if raw.dtype == torch.uint8:
        return raw
    shares = raw.to(torch.float32) / DEEP if raw.dtype == torch.uint16 else raw
    return shares.mul(255).round().to(torch.uint8)


def _decoded(data: bytes, field: Field) -> Tensor:
    file = io.BytesIO(data)
    with Image.open(file) as image:
        if field.bits == 8:
            mode = {1: "L", 2: "LA", 4: "RGBA"}.get(field.shape[0], "RGB")
            pixels = np.atleast_3d(
                np.asarray(image.convert("RGBA").convert(mode) if mode == "LA" else image.convert(mode))
            )
            return torch.from_numpy(pixels.transpose(2, 0, 1).copy())
        if has_deep_colours(image):
            return pixels_of(deep_colours(image, Image.open), field.bits)
        plain = np.asarray(image if image.mode in ("I;16", "F", "L", "RGB") else image.convert("RGBA"))
    whole = np.atleast_3d(plain)
    white = {np.dtype(np.uint16): DEEP, np.dtype(np.float32): 1.0}.get(whole.dtype, 255)
    values = Values(whole[..., :3], white, whole[..., 3] if whole.shape[2] == 4 else None)
    return pixels_of(values, field.bits)
