"""A picture as result: saved, opened in Pillow, and shown by Jupyter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from belamy.errors import StorageError, UsageError
from belamy.modalities.grid import BACKGROUND, CAPTION_INK, encode_png


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels that know how to be looked at.

    Args:
        pixels: uint8.  # [H, W, 3]

    Raises:
        UsageError: They are not.

    Example:
        >>> Picture(np.zeros((4, 6, 3), dtype=np.uint8)).image.size
        (6, 4)
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8 or not self.pixels.size:
            raise UsageError(
                f"a picture needs uint8 pixels [H, W, 3]; got {self.pixels.dtype} {list(self.pixels.shape)}. "
                "Lay images out with belamy.modalities.grid.grid."
            )

    @property
    def image(self) -> Image.Image:
        """The same for Pillow."""
        return Image.fromarray(self.pixels)

    @property
    def png(self) -> bytes:
        """The same as a PNG file's bytes."""
        return encode_png(self.pixels)

    def save(self, path: str | Path) -> None:
        """Write a PNG file.

        Raises:
            StorageError: The place cannot be written.
        """
        try:
            Path(path).write_bytes(self.png)
        except OSError as error:
            raise StorageError(f"{path} could not be written ({error.strerror}). Give another place.") from error

    def _repr_png_(self) -> bytes:
        return self.png


def named(sheet: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A sheet with a name to the right of each of its rows, which are all of one height.

    Example:
        >>> named(np.zeros((20, 10, 3), dtype=np.uint8), ["a", "b"]).shape[0]
        20
    """
    font = ImageFont.load_default(size=13)
    width = math.ceil(max(font.getlength(name) for name in names)) + 16
    picture = Image.fromarray(np.pad(sheet, ((0, 0), (0, width), (0, 0)), constant_values=BACKGROUND))
    pen, step = ImageDraw.Draw(picture), len(sheet) / len(names)
    for index, name in enumerate(names):
        place = (sheet.shape[1] + 6, (index + 0.5) * step)
        pen.text(place, name, fill=(CAPTION_INK,) * 3, font=font, anchor="lm")
    return np.asarray(picture)


def beside(sheets: Sequence[np.ndarray], gap: int = 16) -> np.ndarray:
    """Sheets from left to right, each in the middle of the tallest one's height.

    Example:
        >>> beside([np.zeros((4, 6, 3), dtype=np.uint8), np.zeros((8, 6, 3), dtype=np.uint8)], gap=2).shape
        (8, 16, 3)
    """
    height = max(len(sheet) for sheet in sheets)
    parts = []
    for sheet in sheets:
        above = (height - len(sheet)) // 2
        margins = ((above, height - len(sheet) - above), (gap // 2, gap // 2), (0, 0))
        parts.append(np.pad(sheet, margins, constant_values=BACKGROUND))
    return np.concatenate(parts, 1)
