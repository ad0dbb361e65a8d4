"""Pictures in and out: from files, arrays or Pillow to values in [0, 1], in the size that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from belamy.data.pictures import read_whole
from belamy.editing.style.settings import HEIGHTS
from belamy.errors import DataError, Unreadable, UsageError

SMALLEST = 16
"""Side of a picture that is worth looking at, in pixels."""
MOST_PIXELS = 40_000_000
"""Of the picture that is painted."""


def load(source: Any, what: str) -> np.ndarray:
    """A picture as RGB.  # [H, W, 3] uint8

    Grey becomes RGB, transparency lies on white, 16-bit values lose their lower half.

    Args:
        source: A path, a Pillow image, or a uint8 array [H, W], [H, W, 3] or [H, W, 4].
        what: What it is for, in messages.

    Raises:
        DataError: It is no picture, damaged, or has a side below 16 pixels.
    """
    pixels = _pixels(source, what)
    check_smallest(pixels.shape[1], pixels.shape[0], what)
    return pixels


def check_smallest(width: int, height: int, what: str) -> None:
    """Refuse a picture with a side below 16 pixels.

    Raises:
        DataError: The message names its size.
    """
    if min(width, height) < SMALLEST:
        raise DataError(f"The {what} has {width}x{height} pixels, but each side must be at least {SMALLEST}.")


def _pixels(source: Any, what: str) -> np.ndarray:
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if not path.is_file():
            raise DataError(f"There is no file {path} for the {what}.")
        try:
            with path.open("rb") as file:
                return read_whole(file)
        except Unreadable as error:
            raise DataError(f"{path} cannot be the {what}: {error}.") from error
    if isinstance(source, Image.Image):
        source = np.asarray(source.convert("RGBA" if "A" in source.getbands() else "RGB"))
    array = np.asarray(source)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise DataError(
            f"The {what} is {array.dtype} {list(array.shape)}, but an array must be uint8 [H, W], [H, W, 3] or "
            "[H, W, 4]."
        )
    if array.ndim == 2:
        return np.repeat(array[..., None], 3, axis=2)
    if array.shape[2] == 3:
        return array
    opaque = array[..., 3:].astype(np.uint16)
    return ((array[..., :3] * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def size_for(pixels: np.ndarray, height: int) -> tuple[int, int]:
    """Height and width of a picture brought to a height, the width cut to a whole number.

    Raises:
        UsageError: That is too small or too large.
    """
    width = int(pixels.shape[1] * height / pixels.shape[0])
    if not HEIGHTS[0] <= height <= HEIGHTS[1]:
        raise UsageError(
            f"The height is {height}, but it must be in {HEIGHTS[0]}..{HEIGHTS[1]} pixels. Give another --size."
        )
    if width < HEIGHTS[0] or width * height > MOST_PIXELS:
        raise UsageError(
            f"The picture would have {width}x{height} pixels, but it must be at least {HEIGHTS[0]} wide and have at "
            f"most {MOST_PIXELS // 1_000_000} million. Give another --size."
        )
    return height, width


def style_size(pixels: np.ndarray, height: float, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Height and width, of 32 pixels at least, of a style brought to a height.

    Raises:
        UsageError: These are too many pixels.
    """
    high = max(round(height), HEIGHTS[0])
    wide = max(round(pixels.shape[1] * high / pixels.shape[0]), HEIGHTS[0])
    if high * wide > most:
        raise UsageError(
            f"The style would have {wide}x{high} pixels, but at most {most // 1_000_000} million can be taken. Give a "
            "smaller --style-scale, or a part of it."
        )
    return high, wide


def resized(pixels: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Values in [0, 1] of a picture brought to (height, width).  # [1, 3, H, W]"""
    height, width = size
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def as_pixels(values: Tensor) -> np.ndarray:
    """The nearest levels of values in [0, 1].  # [1, 3, H, W] → [H, W, 3] uint8"""
    return (values[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
