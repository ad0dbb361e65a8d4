"""A sheet to draw on with smooth lines: Pillow at a multiple of the size, reduced at the end."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int] | tuple[int, int, int, int]
"""Red, green, blue and, if it covers in part, how much of 255."""

PAPER: Colour = (251, 250, 247)
INK: Colour = (31, 30, 27)
SOFT: Colour = (95, 91, 83)
FAINT: Colour = (150, 145, 135)
RULE: Colour = (228, 225, 218)
BLUE: Colour = (44, 100, 150)
ORANGE: Colour = (194, 81, 47)
GREEN: Colour = (46, 125, 80)
PURPLE: Colour = (124, 74, 150)
LARGEST = 1e5
"""Pixels beyond which a coordinate is cut off."""


def with_cover(colour: Colour, cover: int) -> Colour:
    """The colour covering ``cover`` of 255 of what is below."""
    return (colour[0], colour[1], colour[2], cover)


class Canvas:
    """Draws in pixels of the finished picture; y goes down.

    Args:
        width: Of the finished picture.
        height: The same.
        scale: How many times larger everything is drawn.
    """

    def __init__(self, width: int, height: int, scale: int = 2) -> None:
        self.size, self.scale = (width, height), scale
        self._image = Image.new("RGB", (width * scale, height * scale), PAPER)
        self._pen: Any = ImageDraw.Draw(self._image, "RGBA")

    def array(self) -> np.ndarray:
        """The finished picture, uint8 [height, width, 3]."""
        return np.asarray(self._image.resize(self.size, Image.Resampling.BOX))

    def line(self, points: np.ndarray, colour: Colour, width: float = 2.0) -> None:
        """A line through points ``[N, 2]``."""
        corners = self._placed(points)
        self._pen.line(corners, fill=colour, width=max(1, round(width * self.scale)), joint="curve")

    def dashes(self, points: np.ndarray, colour: Colour, width: float = 2.0, on: float = 7, off: float = 6) -> None:
        """A dashed line through points ``[N, 2]``."""
        points = np.clip(points, -LARGEST, LARGEST)
        travelled = np.append(0.0, np.hypot(*np.diff(points, axis=0).T).cumsum())
        for start in np.arange(0, travelled[-1], on + off):
            along = np.linspace(start, min(start + on, travelled[-1]), 5)
            self.line(np.stack([np.interp(along, travelled, axis) for axis in points.T], 1), colour, width)

    def dotted(self, points: np.ndarray, colour: Colour, radius: float = 1.7, apart: float = 7) -> None:
        """Dots along a line through points ``[N, 2]``."""
        travelled = np.append(0.0, np.hypot(*np.diff(points, axis=0).T).cumsum())
        along = np.arange(0, travelled[-1], apart)
        self.dots(np.stack([np.interp(along, travelled, axis) for axis in points.T], 1), colour, radius)

    def dots(self, points: np.ndarray, colour: Colour, radius: float) -> None:
        """A disc at each of points ``[N, 2]``."""
        reach = radius * self.scale
        for x, y in self._placed(points):
            self._pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        """The inside of a polygon ``[N, 2]``."""
        self._pen.polygon(self._placed(points), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        if right - left < 1:
            return
        self._pen.rectangle([value * self.scale for value in (left, top, right - 0.5, bottom - 0.5)], fill=colour)

    def frame(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """The outline of a rectangle."""
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
        self.line(corners, colour, 1)

    def arrow(self, start: np.ndarray, end: np.ndarray, colour: Colour, width: float = 1.3, head: float = 4.5) -> None:
        """From point to point, with a head no longer than the arrow."""
        along = end - start
        length = float(np.hypot(*along))
        if length < 1e-6:
            return
        along = along / length
        head = min(head, length)
        across = np.array([-along[1], along[0]]) * head * 0.55
        neck = end - along * head
        self.line(np.stack([start, neck]), colour, width)
        self.fill(np.stack([end, neck + across, neck - across]), colour)

    def picture(self, pixels: np.ndarray, left: float, top: float, right: float, bottom: float) -> None:
        """A uint8 picture [h, w, 3], stretched smoothly over a rectangle."""
        size = (round((right - left) * self.scale), round((bottom - top) * self.scale))
        stretched = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        self._image.paste(stretched, (round(left * self.scale), round(top * self.scale)))

    def text(self, x: float, y: float, text: str, size: int = 14, colour: Colour = INK, anchor: str = "ls") -> None:
        """Words at a point; the anchor is Pillow's, by default the left end of the base line."""
        font = _font(size * self.scale)
        self._pen.text((x * self.scale, y * self.scale), text, fill=colour, font=font, anchor=anchor)

    def extent(self, text: str, size: int = 14) -> float:
        """Width and height of a text in pixels."""
        return float(self._pen.textlength(text, font=_font(size * self.scale))) / self.scale

    def _placed(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (np.clip(points, -LARGEST, LARGEST) * self.scale).tolist()]


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
