"""Figures in plain colours that move in one direction, by formula, and a sentence about each film of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from belamy.seeds import derive

COLOURS = {
    "red": (0.9, 0.15, 0.15), "green": (0.15, 0.75, 0.25), "blue": (0.2, 0.35, 0.95), "yellow": (0.95, 0.85, 0.2),
    "white": (0.97, 0.97, 0.97), "purple": (0.6, 0.2, 0.75),
}  # fmt: skip
KINDS = ("disc", "square", "triangle")
WAYS = {"moves left": (-1, 0), "moves right": (1, 0), "moves up": (0, -1), "moves down": (0, 1), "stays still": (0, 0)}
"""What a figure does: to the right and downwards."""
MOST = 2
"""Figures of a film."""


class MovingFigure(NamedTuple):
    """A figure of a film.

    Args:
        colour: A name in ``COLOURS``.
        kind: One of ``KINDS``.
        way: A name in ``WAYS``.
        middle: Where it is halfway through the film, in sides.  # [2]: x, y
        size: Half of its height, in sides.
        path: How far it goes in the film, in sides.
    """

    colour: str
    kind: str
    way: str
    middle: np.ndarray
    size: float
    path: float


def figures_of(number: int) -> list[MovingFigure]:
    """One figure or two of different colours in a film, from left to right; the number decides everything."""
    source = np.random.default_rng(derive(0, "captioned-films", number))
    count = int(source.integers(1, MOST + 1))
    colours = source.permutation(list(COLOURS))[:count].tolist()
    across = [0.5] if count == 1 else [0.27, 0.73]
    return [
        MovingFigure(
            colour, str(source.choice(KINDS)), str(source.choice(list(WAYS))),
            np.array([place, 0.5]) + source.uniform((-0.06, -0.15), (0.06, 0.15)),
            source.uniform(0.14, 0.18), source.uniform(0.25, 0.4),
        )
        for colour, place in zip(colours, across, strict=True)
    ]  # fmt: skip


def sentence(figures: list[MovingFigure]) -> str:
    """What is seen in a film.

    Example:
        >>> sentence(figures_of(3))
        'a white square moves up'
    """
    return " and ".join(f"a {each.colour} {each.kind} {each.way}" for each in figures)


def film(number: int, length: int, side: int) -> np.ndarray:
    """The frames of a film.  # uint8 [length, side, side, 3]"""
    ground = np.random.default_rng(derive(0, "captioned-films-ground", number)).uniform(0.05, 0.25)
    places = np.stack(np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5), -1)  # x, y
    frames = np.full((length, side, side, 3), ground)
    for each in figures_of(number):
        for time, frame in enumerate(frames):
            gone = (time / max(length - 1, 1) - 0.5) * each.path
            middle = (each.middle + np.multiply(WAYS[each.way], gone)) * side
            covered = _covered(each.kind, places - middle, each.size * side)[..., None]
            frame += covered * (np.array(COLOURS[each.colour]) - frame)
    return np.rint(255 * frames).astype(np.uint8)


def _covered(kind: str, away: np.ndarray, size: float) -> np.ndarray:
    """The share of each pixel that a figure covers, by how far its middle is from the edge.  # [H, W, 2] to [H, W]"""
    x, y = away[..., 0], away[..., 1]
    if kind == "disc":
        outside = np.hypot(x, y) - size
    elif kind == "square":
        outside = np.maximum(abs(x), abs(y)) - 0.85 * size
    else:
        outside = np.maximum(y - 0.7 * size, (2 * abs(x) - y - size) / 5**0.5)
    return np.clip(0.5 - outside, 0, 1)
