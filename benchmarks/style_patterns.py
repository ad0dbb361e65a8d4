"""Pictures to take a style from that nobody else owns: each drawn by a few rules from random numbers.

python benchmarks/style_patterns.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 512
NIGHT = ((16, 30, 84), (32, 66, 140), (70, 120, 180), (150, 190, 210), (240, 200, 70), (250, 230, 150), (20, 40, 60))
WARM = ((200, 80, 50), (240, 170, 60), (120, 50, 60), (60, 90, 110), (240, 220, 170), (90, 130, 90))
GLASS = ((190, 30, 40), (20, 60, 150), (240, 180, 40), (30, 130, 90), (110, 40, 130), (230, 110, 40), (70, 160, 200))
DOTS = ((60, 90, 150), (230, 200, 90), (90, 140, 80), (210, 110, 70), (150, 100, 160), (40, 60, 100))
INKS = ((245, 240, 225), (30, 90, 120), (20, 50, 90), (210, 90, 70), (240, 200, 120), (15, 30, 50))
Palette = tuple[tuple[int, int, int], ...]


def strokes(palette: Palette, seed: int, count: int, length: float, widths: tuple[int, int]) -> np.ndarray:
    """Brush strokes that follow whirls, in patches of colour."""
    source, colours = np.random.default_rng(seed), np.array(palette)
    centres, turns = source.uniform(0, SIDE, (5, 2)), source.choice([-1, 1], 5) * source.uniform(60, 130, 5)
    points = source.uniform(0, SIDE, (count, 2))
    path = [points]
    for _ in range(5):
        away = path[-1][:, None] - centres
        turned = np.stack([-away[..., 1], away[..., 0]], -1) * (turns / ((away**2).sum(-1) + 900))[..., None]
        flow = 1.6 * turned.sum(1) + np.stack([np.ones(count), 0.35 * np.sin(path[-1][:, 0] / 60)], -1)
        path.append(path[-1] + flow / np.linalg.norm(flow, axis=1, keepdims=True) * length / 5)
    chosen = patched(source, points, colours, 6, 0.7)
    chosen = chosen * source.uniform(0.8, 1.2, (count, 1)) + source.normal(0, 10, (count, 3))
    image = Image.new("RGB", (SIDE, SIDE), palette[0])
    pen = ImageDraw.Draw(image)
    for stroke, colour, width in zip(np.stack(path, 1), chosen, source.integers(*widths, count), strict=True):
        pen.line([*map(tuple, stroke)], fill=ink(colour), width=int(width), joint="curve")
        pen.line([*map(tuple, stroke + 0.3 * width)], fill=ink(0.75 * colour), width=1)
    return softened(image, 0.6)


def dots(palette: Palette, seed: int, count: int = 26_000) -> np.ndarray:
    """Round dabs on a pale ground."""
    source = np.random.default_rng(seed)
    points = source.uniform(0, SIDE, (count, 2))
    chosen = patched(source, points, np.array(palette), 5, 0.6) * source.uniform(0.85, 1.15, (count, 1))
    image = Image.new("RGB", (SIDE, SIDE), (236, 226, 205))
    pen = ImageDraw.Draw(image)
    for point, colour, radius in zip(points, chosen, source.uniform(2, 4.2, (count, 1)), strict=True):
        pen.ellipse([*(point - radius), *(point + radius)], fill=ink(colour))
    return softened(image, 0.5)


def mosaic(palette: Palette, seed: int, count: int = 420) -> np.ndarray:
    """Panes of glass in lead: the cells of random points."""
    source, colours = np.random.default_rng(seed), np.array(palette)
    points = source.uniform(0, SIDE, (count, 2)).astype(np.float32)
    rows = [np.stack([np.arange(SIDE, dtype=np.float32), np.full(SIDE, y, np.float32)], 1) for y in range(SIDE)]
    panes = np.clip(colours[source.integers(len(colours), size=count)] * source.uniform(0.75, 1.2, (count, 1)), 0, 255)
    image = np.empty((SIDE, SIDE, 3))
    for y, row in enumerate(rows):
        distances = np.sqrt(((row[:, None] - points) ** 2).sum(-1))
        near = np.sort(np.partition(distances, 1, axis=1)[:, :2], axis=1)
        image[y] = panes[distances.argmin(1)] * (1.1 - near[:, :1] / 120)
        image[y, near[:, 1] - near[:, 0] < 5] = (18, 16, 22)
    return softened(Image.fromarray(image.clip(0, 255).astype(np.uint8)), 0.7)


def woodcut(seed: int) -> np.ndarray:
    """Winding cuts in two inks."""
    source = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    dark = np.sin(14 * smooth(source, 9) + y / 3.2 + x / 16) > 0.9 * smooth(source, 7)
    image = np.where(dark[..., None], (28, 30, 48), (240, 228, 202))
    image[(smooth(source, 5) > 0.8) & ~dark] = (196, 62, 40)
    return softened(Image.fromarray(image.astype(np.uint8)), 0.7)


def marble(palette: Palette, seed: int) -> np.ndarray:
    """Bands of ink on water."""
    source, colours = np.random.default_rng(seed), np.array(palette, float)
    x = np.mgrid[:SIDE, :SIDE][1] / SIDE
    first = smooth(source, 5) + 0.5 * smooth(source, 9) + 0.25 * smooth(source, 17)
    second = smooth(source, 4) + 0.5 * smooth(source, 11)
    height = (np.sin(5 * first + 4 * second + 6 * x) / 2 + 0.5) * (len(colours) - 1)
    below = height.astype(int).clip(0, len(colours) - 2)
    share = ((height - below - 0.5) * 6 + 0.5).clip(0, 1)[..., None]
    image = colours[below] * (1 - share) + colours[below + 1] * share
    image *= 1 - 0.35 * np.exp(-((height - height.round()) ** 2) / 0.004)[..., None]
    return image.clip(0, 255).astype(np.uint8)


def smooth(source: np.random.Generator, knots: int) -> np.ndarray:
    """Random heights that change slowly.  # [SIDE, SIDE]"""
    coarse = Image.fromarray(source.normal(size=(knots, knots)).astype(np.float32))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def patched(
    source: np.random.Generator, points: np.ndarray, colours: np.ndarray, patches: int, loyalty: float
) -> np.ndarray:
    """A colour for each point: mostly that of its patch."""
    of_patch = source.integers(len(colours), size=(patches, patches))
    across, down = ((points + source.normal(0, 27, points.shape)) / SIDE * patches).clip(0, patches - 1).astype(int).T
    loyal = source.random(len(points)) < loyalty
    return colours[np.where(loyal, of_patch[down, across], source.integers(len(colours), size=len(points)))]


def ink(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = colour.clip(0, 255).astype(int).tolist()
    return red, green, blue


def softened(image: Image.Image, radius: float) -> np.ndarray:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))


PATTERNS: dict[str, Callable[[], np.ndarray]] = {
    "night": lambda: strokes(NIGHT, 0, 9000, 26, (3, 8)),
    "warm": lambda: strokes(WARM, 3, 4000, 40, (6, 14)),
    "glass": lambda: mosaic(GLASS, 0),
    "dots": lambda: dots(DOTS, 0),
    "woodcut": lambda: woodcut(0),
    "marble": lambda: marble(INKS, 0),
}

if __name__ == "__main__":
    for name, draw in PATTERNS.items():
        Image.fromarray(draw()).save(Path(sys.argv[1]) / f"{name}.png")
