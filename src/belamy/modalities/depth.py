"""Pictures as deep as their files: 16 bits or floats, without loss.

Pillow reads colours of 16 bits as 8: of two bytes it keeps the one that the name of the layout in the file calls the
higher. Under the other name it keeps the other, so two readings give both.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from belamy.errors import Unreadable

DEEP = 65535
"""What is white in a picture of 16 bits."""
BITS = (8, 16, 32)
"""Of a value: whole numbers of 8 or 16, or floats in [0, 1]."""
DTYPES = {8: torch.uint8, 16: torch.uint16, 32: torch.float32}

_OTHER = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B",
}  # fmt: skip
"""The layout under which Pillow keeps the lower bytes."""
_GREY_AND_OPACITY = "LA;16B"
_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour type by the number of channels."""


class Values(NamedTuple):
    """What a file holds.

    Args:
        colours: ``[H, W, 1 or 3]``.
        white: The value that is white.
        opacity: ``[H, W]``, None where all is opaque.
        opaque: The value that is opaque.
    """

    colours: np.ndarray
    white: float
    opacity: np.ndarray | None = None
    opaque: int = 255


def has_deep_colours(image: Image.Image) -> bool:
    """Whether a picture that is not yet decoded has more than 8 bits of colour that Pillow does not keep."""
    layout = _layout(image)
    return layout in _OTHER or layout == _GREY_AND_OPACITY


def deep_colours(image: Image.Image, again: Callable[[IO[bytes]], Image.Image]) -> Values:
    """The values of a picture that has deep colours.

    Args:
        image: As it was opened.
        again: Opens the same file once more.
    """
    layout, file = _layout(image), getattr(image, "fp", None)
    assert file is not None
    if layout == _GREY_AND_OPACITY:  # as RGBA its bytes are grey's two, then opacity's
        pairs = _under(image, "RGBA").reshape(image.height, image.width, 2, 2).astype(np.uint16)
        grey, opacity = np.moveaxis(pairs[..., 0] * 256 + pairs[..., 1], 2, 0)
        return Values(grey[..., None], DEEP, opacity, DEEP)
    high = _under(image, layout)
    file.seek(0)
    values = high.astype(np.uint16) * 256 + _under(again(file), _OTHER[layout])
    opacity = values[..., 3] if values.shape[2] == 4 else None
    return Values(values[..., :3], DEEP, opacity, DEEP)


def pixels_of(values: Values, bits: int) -> Tensor:
    """Values as pixels, uint16 or float32 in [0, 1], with their opacity, if any, as the last channel.  # [C, H, W]"""
    parts = [scaled_to(values.colours, values.white, bits)]
    if values.opacity is not None:
        parts.append(scaled_to(values.opacity[..., None], values.opaque, bits))
    return torch.cat([torch.from_numpy(part).permute(2, 0, 1) for part in parts])


def checked(values: np.ndarray, levels: int | None) -> float:
    """The value that is white among those of a picture of whole numbers or floats.

    Raises:
        Unreadable: Some lie outside what it can hold.
    """
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise Unreadable(f"its floats {values.min():g}..{values.max():g} lie outside 0..1")
        return 1.0
    if values.min() < 0 or (levels is None and values.max() > DEEP):
        raise Unreadable(f"its values {values.min()}..{values.max()} lie outside 16 bits")
    return levels or DEEP


def scaled_to(values: np.ndarray, white: float, bits: int) -> np.ndarray:
    """Values from 0 to white as uint16 or as float32 in [0, 1]; what is above is white."""
    if bits == 32:
        return np.minimum(values.astype(np.float64) / white, 1).astype(np.float32)
    if white == DEEP:
        return np.minimum(values, DEEP).astype(np.uint16)
    if values.dtype.kind == "f":
        return (values.astype(np.float64) * DEEP / white + 0.5).astype(np.uint16)
    whole = int(white)
    return ((np.minimum(values, whole).astype(np.uint64) * DEEP + whole // 2) // whole).astype(np.uint16)


def _layout(image: Any) -> str:
    """What Pillow calls the layout of a picture's values in its file; empty where it is known otherwise."""
    args: Any = image.tile[0][3] if getattr(image, "tile", None) else ""  # codec, place, offset, arguments
    return args if isinstance(args, str) else str(args[0]) if args else ""


def _under(image: Any, layout: str) -> np.ndarray:
    """The bytes that Pillow keeps under a layout, upright.  # [H, W, C] uint8"""
    changed = []
    for tile in image.tile:
        args = layout if isinstance(tile[3], str) else (layout, *tile[3][1:])
        changed.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))  # Pillow before 11
    image.tile = changed
    image.load()
    return np.asarray(ImageOps.exif_transpose(image))


def encode_deep_png(pixels: np.ndarray) -> bytes:
    """A PNG file of 16 bits, which Pillow does not write with colours.

    References:
        W3C 2003, Portable Network Graphics, second edition: 5 (file), 7.2 (samples), 11.2.2 (header).

    Args:
        pixels: uint16: grey, grey and opacity, RGB, or RGB and opacity.  # [H, W, 1..4]
    """
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    filtered = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))  # "up": each byte less the one above
    lines = np.concatenate([np.full((height, 1), 2, np.uint8), filtered], 1)
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOURS[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
