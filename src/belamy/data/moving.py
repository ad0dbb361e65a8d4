"""Films that nobody else owns: textured shapes that move and turn over a still ground, by formula."""

from __future__ import annotations

import numpy as np

KINDS = ("discs", "squares", "triangles")
FASTEST, TURN = 1 / 32, 0.08
"""Sides that a shape moves in a frame, at most, and radians that it turns."""


class MovingShapes:
    """Shapes of one kind on a ground of its own; where everything is at any time is known in closed form.

    Args:
        kind: A place in ``KINDS``.
        count: How many shapes.
        side: Of the frames, in pixels.
        seed: Decides places, speeds, sizes and colours.
    """

    def __init__(self, kind: int, count: int, side: int, seed: int) -> None:
        source = np.random.default_rng(seed)
        self.kind, self.count, self.side = kind, count, side
        self.sizes = source.uniform(0.12, 0.24, count) * side
        self.starts = source.uniform(0.2, 0.8, (count, 2)) * side
        self.speeds = source.uniform(-FASTEST, FASTEST, (count, 2)) * side
        self.turns = source.uniform(-TURN, TURN, count)
        self.colours = source.uniform(0.25, 1, (count + 1, 3))
        self.waves = source.uniform(0.15, 0.5, (count + 1, 2)) * 32 / side

    def frame(self, time: float) -> np.ndarray:
        """What is seen at a time, in frames.  # uint8 [side, side, 3]"""
        middles = np.arange(self.side) + 0.5
        places = np.stack(np.meshgrid(middles, middles), -1)  # [side, side, 2]: x, y
        picture = self._painted(places, 0)
        for number in range(self.count):
            own = self._own(places, number, time)
            inside = self._inside(own, self.sizes[number])
            picture[inside] = self._painted(own, number + 1)[inside]
        return (255 * picture).astype(np.uint8)

    def _own(self, places: np.ndarray, number: int, time: float) -> np.ndarray:
        """Places as a shape itself sees them."""
        angle = -self.turns[number] * time
        away = places - (self.starts[number] + self.speeds[number] * time)
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return away @ turned

    def _inside(self, own: np.ndarray, size: float) -> np.ndarray:
        x, y = own[..., 0], own[..., 1]
        if self.kind == 0:
            return np.hypot(x, y) < size
        if self.kind == 1:
            return np.maximum(abs(x), abs(y)) < 0.85 * size
        return (y < 0.6 * size) & (y > 2 * abs(x) - size)

    def _painted(self, own: np.ndarray, number: int) -> np.ndarray:
        """The texture of a shape, or of the ground, 0.  # [side, side, 3]"""
        second = self.waves[number, 1]
        shade = 0.75 + 0.25 * np.sin(own @ self.waves[number]) * np.cos(own[..., 0] * second)
        return self.colours[number] * shade[..., None]
