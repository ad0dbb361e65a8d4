"""Where data lie in a plane of the latent space, coloured by class."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from belamy.errors import UsageError
from belamy.sampling.picture import Picture
from belamy.seeds import generator

SIDE, LEFT, TOP, BELOW, LEGEND = 640, 56, 32, 48, 150
FINER = 3  # drawn so many times larger, then reduced: smooth edges
PAPER, INK, RULE = (255, 255, 255), (70, 68, 62), (228, 225, 218)
NAMED = 24
"""Classes in the legend, at most."""
INSIDE = 99.5
"""Per cent of the points that decide the limits; the rest may fall outside."""


def scatter(points: Tensor, labels: Tensor | None, classes: Sequence[str], axes: tuple[int, int] = (0, 1)) -> Picture:
    """A dot for each point, coloured by its class; dots lie on each other in random order.

    Args:
        points: ``[n, 2]``; the first number grows to the right, the second upwards.
        labels: Class of each, None for one colour.  # [n]
        classes: Their names.
        axes: The numbers of the latent axes, for the captions.

    Raises:
        UsageError: No points, or none finite.
    """
    table = points.double().numpy()
    finite = np.isfinite(table).all(1)
    if not finite.any():
        raise UsageError("There is no point to draw.")
    reach = max(float(np.percentile(np.abs(table[finite]), INSIDE)) * 1.05, 1e-6)
    order = torch.randperm(len(table), generator=generator(0, "scatter")).numpy()
    place = (table / reach * (1, -1) + 1) / 2  # from the upper left corner, in sides
    colours = palette(len(classes))
    sheet = Image.new("RGB", (FINER * (LEFT + SIDE + LEGEND), FINER * (TOP + SIDE + BELOW)), PAPER)
    pen = ImageDraw.Draw(sheet)
    radius = FINER * (2.4 if len(table) > 2000 else 3.2)
    for index in order:
        if finite[index] and (np.abs(place[index] - 0.5) <= 0.5).all():
            x, y = FINER * (LEFT + SIDE * place[index][0]), FINER * (TOP + SIDE * place[index][1])
            colour = colours[int(labels[index])] if labels is not None else (44, 100, 150)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    _axes(pen, reach, axes)
    if labels is not None:
        _legend(pen, classes, colours)
    return Picture(np.asarray(sheet.resize((sheet.width // FINER, sheet.height // FINER), Image.Resampling.BOX)))


def palette(count: int) -> list[tuple[int, int, int]]:
    """Colours round the circle of hues, neighbours of different lightness.

    Example:
        >>> len(set(palette(10)))
        10
    """
    found = []
    for index in range(count):
        lightness = (0.42, 0.62)[index % 2]
        red, green, blue = colorsys.hls_to_rgb(index / max(count, 1), lightness, 0.72)
        found.append((round(255 * red), round(255 * green), round(255 * blue)))
    return found


def _axes(pen: ImageDraw.ImageDraw, reach: float, axes: tuple[int, int]) -> None:
    font = ImageFont.load_default(size=13 * FINER)
    right, bottom = LEFT + SIDE, TOP + SIDE
    pen.rectangle([FINER * side for side in (LEFT, TOP, right, bottom)], outline=RULE, width=FINER)
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 1e9) if reach / size <= 4)
    for number in range(-4, 5):
        value = number * step
        if abs(value) <= reach:
            along = SIDE * (value / reach + 1) / 2
            text = f"{value:g}"
            pen.text((FINER * (LEFT + along), FINER * (bottom + 5)), text, INK, font, anchor="mt")
            pen.text((FINER * (LEFT - 6), FINER * (bottom - along)), text, INK, font, anchor="rm")
    pen.text((FINER * (LEFT + SIDE / 2), FINER * (bottom + 26)), f"latent {axes[0]}", INK, font, anchor="mt")
    pen.text((FINER * LEFT, FINER * (TOP - 8)), f"latent {axes[1]}", INK, font, anchor="ls")


def _legend(pen: ImageDraw.ImageDraw, classes: Sequence[str], colours: Sequence[tuple[int, int, int]]) -> None:
    font, left = ImageFont.load_default(size=13 * FINER), LEFT + SIDE + 18
    for row, (name, colour) in enumerate(zip(classes[:NAMED], colours, strict=False)):
        y = TOP + 12 + 22 * row
        pen.ellipse([FINER * side for side in (left - 5, y - 5, left + 5, y + 5)], fill=colour)
        short = name if len(name) <= 15 else f"{name[:14]}…"
        pen.text((FINER * (left + 13), FINER * y), short, INK, font, anchor="lm")
    if len(classes) > NAMED:
        pen.text(
            (FINER * left, FINER * (TOP + 12 + 22 * NAMED)), f"and {len(classes) - NAMED} more", INK, font, anchor="lm"
        )
