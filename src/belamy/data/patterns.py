"""Pictures to take a style from that nobody else owns: each drawn by a few rules from random numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from belamy.errors import UsageError, nearest

SIDE = 512
Palette = tuple[tuple[int, int, int], ...]
NIGHT: Palette = (
    (16, 30, 84), (32, 66, 140), (70, 120, 180), (150, 190, 210), (240, 200, 70), (250, 230, 150), (20, 40, 60),
)  # fmt: skip
WARM: Palette = ((200, 80, 50), (240, 170, 60), (120, 50, 60), (60, 90, 110), (240, 220, 170), (90, 130, 90))
GLASS: Palette = (
    (190, 30, 40), (20, 60, 150), (240, 180, 40), (30, 130, 90), (110, 40, 130), (230, 110, 40), (70, 160, 200),
)  # fmt: skip
DOTS: Palette = ((60, 90, 150), (230, 200, 90), (90, 140, 80), (210, 110, 70), (150, 100, 160), (40, 60, 100))
INKS: Palette = ((245, 240, 225), (30, 90, 120), (20, 50, 90), (210, 90, 70), (240, 200, 120), (15, 30, 50))
CUTS: Palette = ((28, 30, 48), (240, 228, 202), (196, 62, 40))


def strokes(
    palette: Palette, seed: int, count: int, length: float, widths: tuple[int, int], side: int = SIDE
) -> np.ndarray:
    """Brush strokes that follow whirls, in patches of colour.

    Args:
        palette: The colours.
        seed: Decides the rest.
        count: Strokes.
        length: Of a stroke, in pixels.
        widths: From the first to one below the second, in pixels.
        side: Of the picture.
    """
    source, colours = np.random.default_rng(seed), np.array(palette)
    centres, turns = source.uniform(0, side, (5, 2)), source.choice([-1, 1], 5) * source.uniform(60, 130, 5)
    points = source.uniform(0, side, (count, 2))
    path = [points]
    for _ in range(5):
        away = path[-1][:, None] - centres
        turned = np.stack([-away[..., 1], away[..., 0]], -1) * (turns / ((away**2).sum(-1) + 900))[..., None]
        flow = 1.6 * turned.sum(1) + np.stack([np.ones(count), 0.35 * np.sin(path[-1][:, 0] / 60)], -1)
        path.append(path[-1] + flow / np.linalg.norm(flow, axis=1, keepdims=True) * length / 5)
    chosen = _patched(source, points, colours, side, 6, 0.7)
    chosen = chosen * source.uniform(0.8, 1.2, (count, 1)) + source.normal(0, 10, (count, 3))
    image = Image.new("RGB", (side, side), palette[0])
    pen = ImageDraw.Draw(image)
    for stroke, colour, width in zip(np.stack(path, 1), chosen, source.integers(*widths, count), strict=True):
        pen.line([(x, y) for x, y in stroke], fill=ink(colour), width=int(width), joint="curve")
        pen.line([(x, y) for x, y in stroke + 0.3 * width], fill=ink(0.75 * colour), width=1)
    return _softened(image, 0.6)


def dots(palette: Palette, seed: int, count: int = 26_000, side: int = SIDE) -> np.ndarray:
    """Round dabs on a pale ground."""
    source = np.random.default_rng(seed)
    points = source.uniform(0, side, (count, 2))
    chosen = _patched(source, points, np.array(palette), side, 5, 0.6) * source.uniform(0.85, 1.15, (count, 1))
    image = Image.new("RGB", (side, side), (236, 226, 205))
    pen = ImageDraw.Draw(image)
    for point, colour, radius in zip(points, chosen, source.uniform(2, 4.2, (count, 1)), strict=True):
        pen.ellipse([*(point - radius), *(point + radius)], fill=ink(colour))
    return _softened(image, 0.5)


def mosaic(palette: Palette, seed: int, count: int = 420, side: int = SIDE) -> np.ndarray:
    """Panes of glass in lead: the cells of random points."""
    source, colours = np.random.default_rng(seed), np.array(palette)
    points = source.uniform(0, side, (count, 2)).astype(np.float32)
    panes = np.clip(colours[source.integers(len(colours), size=count)] * source.uniform(0.75, 1.2, (count, 1)), 0, 255)
    image = np.empty((side, side, 3))
    for y in range(side):
        row = np.stack([np.arange(side, dtype=np.float32), np.full(side, y, np.float32)], 1)
        distances = np.sqrt(((row[:, None] - points) ** 2).sum(-1))
        near = np.sort(np.partition(distances, 1, axis=1)[:, :2], axis=1)
        image[y] = panes[distances.argmin(1)] * (1.1 - near[:, :1] / 120)
        image[y, near[:, 1] - near[:, 0] < 5] = (18, 16, 22)
    return _softened(Image.fromarray(image.clip(0, 255).astype(np.uint8)), 0.7)


def woodcut(palette: Palette, seed: int, side: int = SIDE) -> np.ndarray:
    """Winding cuts in two inks on paper."""
    source, (ink, paper, second) = np.random.default_rng(seed), palette[:3]
    y, x = np.mgrid[:side, :side].astype(float)
    dark = np.sin(14 * _smooth(source, 9, side) + y / 3.2 + x / 16) > 0.9 * _smooth(source, 7, side)
    image = np.where(dark[..., None], ink, paper)
    image[(_smooth(source, 5, side) > 0.8) & ~dark] = second
    return _softened(Image.fromarray(image.astype(np.uint8)), 0.7)


def marble(palette: Palette, seed: int, side: int = SIDE) -> np.ndarray:
    """Bands of ink on water."""
    source, colours = np.random.default_rng(seed), np.array(palette, float)
    x = np.mgrid[:side, :side][1] / SIDE
    first = _smooth(source, 5, side) + 0.5 * _smooth(source, 9, side) + 0.25 * _smooth(source, 17, side)
    second = _smooth(source, 4, side) + 0.5 * _smooth(source, 11, side)
    height = (np.sin(5 * first + 4 * second + 6 * x) / 2 + 0.5) * (len(colours) - 1)
    below = height.astype(int).clip(0, len(colours) - 2)
    share = ((height - below - 0.5) * 6 + 0.5).clip(0, 1)[..., None]
    image = colours[below] * (1 - share) + colours[below + 1] * share
    image *= 1 - 0.35 * np.exp(-((height - height.round()) ** 2) / 0.004)[..., None]
    return image.clip(0, 255).astype(np.uint8)


PATTERNS: dict[str, Callable[[], np.ndarray]] = {
    "night": lambda: strokes(NIGHT, 0, 9000, 26, (3, 8)),
    "warm": lambda: strokes(WARM, 3, 4000, 40, (6, 14)),
    "glass": lambda: mosaic(GLASS, 0),
    "dots": lambda: dots(DOTS, 0),
    "woodcut": lambda: woodcut(CUTS, 0),
    "marble": lambda: marble(INKS, 0),
}
"""uint8 [512, 512, 3] each."""


def pattern(name: str) -> np.ndarray:
    """The pattern of a name.  # [512, 512, 3] uint8

    Raises:
        UsageError: There is none.
    """
    if name not in PATTERNS:
        raise UsageError(f"There is no picture file and no drawn pattern '{name}'. {nearest(name, PATTERNS)}")
    return PATTERNS[name]()


def variation(number: int, side: int = SIDE) -> np.ndarray:
    """A pattern whose technique, colours and measures its number decides.  # [side, side, 3] uint8"""
    source = np.random.default_rng(number + 1)
    palette, area = _palette(source), side**2 / SIDE**2
    techniques: list[Callable[[], np.ndarray]] = [
        lambda: strokes(palette, number, round(9000 * area), 26, (3, 8), side),
        lambda: strokes(palette, number, round(4000 * area), 40, (6, 14), side),
        lambda: mosaic(palette, number, max(round(source.uniform(200, 700) * area), 4), side),
        lambda: dots(palette, number, round(26_000 * area), side),
        lambda: woodcut(palette, number, side),
        lambda: marble(palette, number, side),
    ]
    return techniques[number % len(techniques)]()


def _palette(source: np.random.Generator) -> Palette:
    """Six colours from dark to bright that lean towards one of their own."""
    bright = np.sort(source.uniform(20, 250, 6))[:, None]
    tints = source.normal(0, 45, (6, 3)) + source.normal(0, 30, 3)
    first, second, third, *rest = (ink(colour) for colour in bright + tints)
    return (first, rest[-1], second, third, *rest[:-1])


def _smooth(source: np.random.Generator, knots: int, side: int) -> np.ndarray:
    """Random heights that change slowly, so many knots to 512 pixels.  # [side, side]"""
    coarse = Image.fromarray(source.normal(size=(knots, knots)).astype(np.float32)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    return np.asarray(coarse.crop((0, 0, side, side)))


def _patched(
    source: np.random.Generator, points: np.ndarray, colours: np.ndarray, side: int, patches: int, loyalty: float
) -> np.ndarray:
    """A colour for each point: mostly that of its patch."""
    of_patch = source.integers(len(colours), size=(patches, patches))
    across, down = ((points + source.normal(0, 27, points.shape)) / side * patches).clip(0, patches - 1).astype(int).T
    loyal = source.random(len(points)) < loyalty
    return colours[np.where(loyal, of_patch[down, across], source.integers(len(colours), size=len(points)))]


def ink(colour: np.ndarray) -> tuple[int, int, int]:
    """A colour as Pillow draws with it."""
    red, green, blue = colour.clip(0, 255).astype(int).tolist()
    return red, green, blue


def _softened(image: Image.Image, radius: float) -> np.ndarray:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
