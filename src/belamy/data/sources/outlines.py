"""Drawn pairs: the outline of a thing, and the thing in its colours."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw

from belamy.data.assembly import Raw, assemble
from belamy.data.dataset import Attribute, Column, Dataset
from belamy.data.load_options import LoadOptions
from belamy.ranges import Within
from belamy.seeds import derive

SIDE = 32
KINDS = {"ball": (214, 60, 52), "box": (64, 120, 214), "roof": (250, 205, 60), "leaf": (80, 170, 84)}
"""What is drawn, and its colour."""
_SCALE = 4  # drawn larger and averaged


class Source:
    """Outlines of balls, boxes, roofs and leaves on white, and as ``target`` the same filled in their colours.

    A shape decides its colour, and a second thing may stand behind the first: what a translation has to find out.

    Args:
        count: How many pairs.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("outlines:count=40").spec.fields["target"].shape
        (3, 32, 32)
    """

    def __init__(self, *, count: int = 400) -> None:
        self.count = Within(4, 100_000).check("outlines.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The pairs, the four kinds in turn; what is asked for in size and channels holds for both of a pair."""
        drawn = [_drawn(number) for number in range(self.count)]
        lines = torch.from_numpy(np.stack([line for line, _ in drawn])).unsqueeze(1)
        colours = torch.from_numpy(np.stack([colour for _, colour in drawn])).permute(0, 3, 1, 2).contiguous()
        kinds = Attribute(tuple(KINDS), torch.arange(self.count) % len(KINDS))
        raw = Raw(name="outlines", attributes={"kind": kinds}, licence="CC0: drawn here")
        target = assemble(colours, Raw(name="outlines"), LoadOptions(**{**vars(options), "labels": None}))
        return assemble(lines, raw, options).changed(extra={"target": Column(target.field, target.store)})


def _drawn(number: int) -> tuple[np.ndarray, np.ndarray]:
    """One pair: the outline ``[H, W]`` and the colours ``[H, W, 3]``, uint8."""
    numbers = np.random.default_rng(derive(0, "outlines", number))
    side = SIDE * _SCALE
    canvas, line = Image.new("RGB", (side, side), "white"), Image.new("L", (side, side), 255)
    names = list(KINDS)
    behind = names[int(numbers.integers(len(names)))]
    for name, large in ((behind, 0.24), (names[number % len(names)], 0.36)):
        radius = large * side * numbers.uniform(0.8, 1.1)
        x, y = numbers.uniform(radius, side - radius, 2)
        corners = _corners(name, x, y, radius, numbers.uniform(-0.4, 0.4))
        ImageDraw.Draw(canvas).polygon(corners, fill=KINDS[name], outline="black", width=_SCALE)
        ImageDraw.Draw(line).polygon(corners, fill=255, outline=0, width=_SCALE)
    return tuple(np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX)) for each in (line, canvas))  # type: ignore[return-value]


def _corners(name: str, x: float, y: float, radius: float, turn: float) -> list[tuple[float, float]]:
    """The corners of a thing around a point."""
    angles = {
        "ball": np.linspace(0, 2 * np.pi, 40, endpoint=False),
        "box": np.pi / 4 + np.arange(4) * np.pi / 2,
        "roof": -np.pi / 2 + np.arange(3) * 2 * np.pi / 3,
        "leaf": np.linspace(0, 2 * np.pi, 40, endpoint=False),
    }[name] + (0 if name == "roof" else turn)
    across, down = np.cos(angles), np.sin(angles)
    if name == "leaf":
        across, down = across, 0.45 * down * np.abs(across)[::-1] + 0.2 * down
    return [(float(x + radius * a), float(y + radius * b)) for a, b in zip(across, down, strict=True)]
