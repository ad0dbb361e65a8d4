"""Drawn streets: the class and the object of every pixel, and a picture in one of four lights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from belamy.seeds import derive

CLASSES = ("sky", "hill", "grass", "road", "tree", "house", "roof", "car", "sun")
LIGHTS = ("day", "evening", "night", "winter")
"""What a picture's light is: its style, which no label tells."""
_SCALE = 2  # drawn larger and averaged
_THING = 100  # objects are numbered from class · this on
_COLOURS = {
    "day": ((112, 176, 232), (96, 150, 96), (112, 184, 80), (120, 120, 124), (48, 120, 56), (216, 196, 168),
            (176, 80, 64), (208, 56, 56), (252, 228, 96)),
    "evening": ((236, 150, 96), (120, 88, 104), (136, 132, 72), (104, 88, 96), (72, 88, 56), (212, 160, 128),
                (140, 64, 64), (168, 56, 64), (248, 120, 64)),
    "night": ((20, 24, 56), (24, 36, 48), (24, 48, 40), (40, 40, 52), (16, 40, 36), (72, 68, 84), (56, 36, 48),
              (80, 32, 48), (228, 228, 208)),
    "winter": ((196, 208, 220), (216, 224, 232), (236, 240, 244), (168, 172, 180), (168, 184, 184), (200, 184, 168),
               (228, 232, 240), (176, 72, 72), (244, 240, 220)),
}  # fmt: skip
"""The colours of the classes in each light."""
_PAINTS = np.array([(36, 0, -24), (-40, -16, 32), (28, 24, -56), (0, 0, 0), (20, -36, -28), (-24, 24, -16)])
"""What is added to the colour of an object that is painted: a house, a roof, a car."""


class Street(NamedTuple):
    """One scene.

    Args:
        classes: Of each pixel.  # uint8 [H, W]
        objects: Of each pixel: the class where it is no thing, else a number of its own.  # int32 [H, W]
        picture: The scene in its light.  # uint8 [H, W, 3]
        light: Which light.
    """

    classes: np.ndarray
    objects: np.ndarray
    picture: np.ndarray
    light: int


def street(number: int, height: int, width: int) -> Street:
    """The scene of a number, of any size.

    Args:
        number: Decides everything.
        height: In pixels.
        width: In pixels.
    """
    numbers = np.random.default_rng(derive(0, "streets", number))
    light = number % len(LIGHTS)
    objects = np.asarray(_plan(numbers, _SCALE * height, _SCALE * width), dtype=np.int32)
    classes = np.where(objects >= _THING, objects // _THING, objects).astype(np.uint8)
    large = _painted(objects, classes, LIGHTS[light], numbers)
    mean = np.add.reduce([large[i::_SCALE, j::_SCALE] for i in range(_SCALE) for j in range(_SCALE)]) / _SCALE**2
    picture = np.rint(mean.clip(0, 255)).astype(np.uint8)
    return Street(classes[::_SCALE, ::_SCALE].copy(), objects[::_SCALE, ::_SCALE].copy(), picture, light)


def _plan(numbers: np.random.Generator, height: int, width: int) -> Image.Image:
    """The object of every pixel, drawn from the back to the front."""
    plan = Image.new("I", (width, height), 0)
    pen = ImageDraw.Draw(plan)
    horizon, road = numbers.uniform(0.42, 0.55) * height, numbers.uniform(0.72, 0.82) * height
    thing = {"tree": 4, "house": 5, "roof": 6, "car": 7, "sun": 8}
    radius = numbers.uniform(0.06, 0.1) * height
    x, y = numbers.uniform(0.1, 0.9) * width, numbers.uniform(0.1, 0.25) * height
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=thing["sun"] * _THING)
    across = np.linspace(0, width, 24)
    waves = (
        numbers.uniform(0.05, 0.12) * height * np.sin(across / width * numbers.uniform(3, 9) + numbers.uniform(0, 6))
    )
    top = horizon - 0.1 * height + waves
    pen.polygon([*zip(across.tolist(), top.tolist(), strict=True), (width, height), (0, height)], fill=1)
    pen.rectangle((0, horizon, width, height), fill=2)
    lower = numbers.uniform(-0.03, 0.03) * height
    depth = numbers.uniform(0.12, 0.18) * height
    pen.polygon([(0, road), (width, road + lower), (width, road + lower + depth), (0, road + depth)], fill=3)
    places = numbers.permutation(5)[: int(numbers.integers(3, 6))]
    for place in sorted(places.tolist()):
        middle = (place + numbers.uniform(0.3, 0.7)) / 5 * width
        ground = numbers.uniform(horizon + 0.06 * height, road - 0.02 * height)
        draw = _house if numbers.random() < 0.55 else _tree
        draw(pen, numbers, middle, ground, height, place)
    for place in range(int(numbers.integers(0, 3))):
        _car(pen, (place + numbers.uniform(0.15, 0.6)) / 2 * width, road + 0.75 * depth, height, place)
    return plan


def _house(pen: ImageDraw.ImageDraw, numbers: np.random.Generator, x: float, y: float, side: float, place: int) -> None:
    half, tall = numbers.uniform(0.08, 0.13) * side, numbers.uniform(0.16, 0.26) * side
    pen.rectangle((x - half, y - tall, x + half, y), fill=5 * _THING + place)
    peak = numbers.uniform(0.08, 0.14) * side
    pen.polygon([(x - 1.2 * half, y - tall), (x, y - tall - peak), (x + 1.2 * half, y - tall)], fill=6 * _THING + place)


def _tree(pen: ImageDraw.ImageDraw, numbers: np.random.Generator, x: float, y: float, side: float, place: int) -> None:
    radius, tall = numbers.uniform(0.07, 0.12) * side, numbers.uniform(0.1, 0.2) * side
    number = 4 * _THING + place
    pen.rectangle((x - 0.02 * side, y - tall, x + 0.02 * side, y), fill=number)
    if numbers.random() < 0.5:
        pen.ellipse((x - radius, y - tall - 1.6 * radius, x + radius, y - tall + 0.4 * radius), fill=number)
    else:
        pen.polygon(
            [(x - radius, y - 0.6 * tall), (x, y - tall - 1.8 * radius), (x + radius, y - 0.6 * tall)], fill=number
        )


def _car(pen: ImageDraw.ImageDraw, x: float, y: float, side: float, place: int) -> None:
    half, number = 0.1 * side, 7 * _THING + place
    pen.rectangle((x - half, y - 0.06 * side, x + half, y), fill=number)
    pen.rectangle((x - 0.55 * half, y - 0.11 * side, x + 0.5 * half, y - 0.05 * side), fill=number)


def _painted(objects: np.ndarray, classes: np.ndarray, light: str, numbers: np.random.Generator) -> np.ndarray:
    """The picture: colours by class and object, and a texture of each class.  # float32 [H, W, 3], 0..255 or beyond"""
    height, width = objects.shape
    colours = np.array(_COLOURS[light], dtype=np.float32)
    picture = colours[classes]
    dim = 0.4 if light == "night" else 1.0
    for number in np.unique(objects[objects >= _THING]).tolist():
        there, kind = objects == number, CLASSES[number // _THING]
        if kind in ("house", "roof", "car"):
            picture[there] += dim * _PAINTS[int(numbers.integers(len(_PAINTS)))]
        elif kind == "tree":
            picture[there] += dim * numbers.uniform(-14, 14, 3)
        if kind == "house":
            picture[_windows(there)] = (250, 220, 120) if light == "night" else 0.45 * colours[5]
        if kind == "car":
            picture[_wheels(there)] = (24, 24, 28)
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    grain = numbers.standard_normal((height, width), dtype=np.float32)
    texture = np.select(
        [classes == 0, classes == 2, classes == 3, classes == 4, classes == 6],
        [
            48 * (rows / height - 0.25) + 0 * columns,  # the sky grows lighter downwards
            9 * grain,
            10 * (rows // 2 % 2) - 5 + 0 * columns,
            12 * np.sign(np.sin(1.9 * rows) * np.sin(1.7 * columns + rows)),  # leaves
            14 * (rows // 3 % 2) - 7 + 0 * columns,
        ],
        2 * grain,
    )
    return picture + np.float32(dim) * texture[..., None]


def _windows(there: np.ndarray) -> np.ndarray:
    """Panes in a grid over a wall, a margin left."""
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    across = (np.arange(there.shape[1]) - columns[0]) / len(columns) * 3 % 1
    down = (np.arange(there.shape[0]) - rows[0]) / len(rows) * 3 % 1
    pane = ((across * 3 % 1 > 0.3) & (across * 3 % 1 < 0.75))[None] & ((down * 3 % 1 > 0.35) & (down * 3 % 1 < 0.8))[
        :, None
    ]
    return there & pane


def _wheels(there: np.ndarray) -> np.ndarray:
    """Two patches at the lower edge of a car."""
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    across = (np.arange(there.shape[1]) - columns[0]) / len(columns)
    low = np.arange(there.shape[0]) >= rows[-1] - max(len(rows) // 4, 1)
    return there & (((across > 0.12) & (across < 0.34)) | ((across > 0.66) & (across < 0.88)))[None] & low[:, None]
