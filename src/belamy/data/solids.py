"""Solids that nobody else owns: chairs, tables and lamps of voxels, drawn by a few rules from random numbers."""

from __future__ import annotations

import numpy as np

KINDS = ("chair", "table", "lamp")
THIN = 0.05
"""The thinnest part, as a share of the side; never thinner than one and a half voxels."""


def solid(kind: int, side: int, source: np.random.Generator) -> np.ndarray:
    """A piece of furniture, in one piece and the same from left and right.  # bool [side, side, side]: up, depth, width

    Args:
        kind: Its place in ``KINDS``.
        side: Voxels of each side.
        source: Decides its measures.
    """
    return _Drawing(side, source).lamp() if kind == 2 else _Drawing(side, source).seat(chair=kind == 0)


class _Drawing:
    """The unit cube: up from 0 to 1, depth and width from -1/2 to 1/2."""

    def __init__(self, side: int, source: np.random.Generator) -> None:
        places = (np.mgrid[:side, :side, :side] + 0.5) / side
        self.up, self.depth, self.width = places[0], places[1] - 0.5, places[2] - 0.5
        self.thin = max(THIN, 1.5 / side)
        self.draw = source.uniform
        self.chance = source.random

    def lamp(self) -> np.ndarray:
        """A foot, a rod and a shade that narrows upwards."""
        height, foot, shade = self.draw(0.5, 0.7), self.draw(0.15, 0.3), self.draw(0.2, 0.4)
        around = np.hypot(self.depth, self.width)
        top = height + self.draw(0.18, 0.28)
        cone = (around < shade * (1.1 - 1.2 * (self.up - height))) & (self.up >= height) & (self.up < top)
        rod = (around < 0.75 * self.thin) & (self.up < height)
        return ((around < foot) & (self.up < self.thin)) | rod | cone

    def seat(self, chair: bool) -> np.ndarray:
        """A plate on four legs, of a chair with a back; or a table's on one column with a foot."""
        if chair:
            width, depth, height = self.draw(0.22, 0.34), self.draw(0.22, 0.34), self.draw(0.3, 0.48)
        else:
            width, depth, height = self.draw(0.3, 0.46), self.draw(0.25, 0.46), self.draw(0.4, 0.65)
        thick = 1.5 * self.thin
        drawn = self.box((-width, width), (-depth, depth), (height, height + thick))
        leg = self.draw(self.thin, 2 * self.thin)
        if not chair and self.chance() < 0.3:
            around = np.hypot(self.depth, self.width)
            column = (around < leg) & (self.up < height)
            return drawn | column | ((around < 0.6 * width) & (self.up < self.thin))
        for left in (-width, width - leg):
            for front in (-depth, depth - leg):
                drawn |= self.box((left, left + leg), (front, front + leg), (0, height))
        if chair:
            top = min(height + self.draw(0.25, 0.45), 1)
            drawn |= self.box((-width, width), (depth - thick, depth), (height, top))
        return drawn

    def box(self, *spans: tuple[float, float]) -> np.ndarray:
        """What lies between bounds in width, depth and height."""
        sides = zip((self.width, self.depth, self.up), spans, strict=True)
        inside = [(axis >= low) & (axis < high) for axis, (low, high) in sides]
        return inside[0] & inside[1] & inside[2]
