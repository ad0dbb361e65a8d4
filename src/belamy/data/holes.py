"""Holes of pictures: drawn at random, for what learns to fill them, or marked by a mask file."""

from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from belamy.data.files import reading
from belamy.data.pictures import opened_picture, strict_pillow
from belamy.errors import DataError, UsageError

SHAPES = ("strokes", "boxes", "mixed", "centre")
"""What holes are: brush strokes, boxes, both, or a box of half the height and width in the middle."""
LONGEST, WIDEST = 0.6, 0.2
"""Of a stroke's parts, in shares of the shorter side."""
TURN, SWAY = 2 * pi / 5, 2 * pi / 15
"""How far a stroke's parts turn from its way, to the left and to the right in turn, and by how much more or less."""
SMALLEST, LARGEST = 0.12, 0.55
"""Sides of a box, in shares of the picture's."""
_LEAST_SCALE = 1 / 256


class HoleShapes:
    """Draws holes that cover a share of a picture between two bounds.

    Strokes and boxes are added until a share is reached that is drawn uniformly between the bounds; one that would go
    beyond the upper bound is drawn smaller.

    References:
        Shares of Liu et al. 2018, arXiv 1804.07723, section 4.1; strokes and boxes after Suvorov et al. 2021, arXiv
        2109.07161, section 2.4.

    Args:
        shapes: One of ``SHAPES``; of the centre, a quarter is covered.
        least: Of the picture, above 0.
        most: At least as much, and below 1.
        margin: So many pixels at its edge are left out of the centre.

    Raises:
        UsageError: There are no such shapes, or the bounds are none.

    Example:
        >>> holes = HoleShapes("mixed", 0.1, 0.5).drawn(64, 96, torch.Generator().manual_seed(1))
        >>> tuple(holes.shape), bool(0.1 <= holes.float().mean() <= 0.5)
        ((64, 96), True)
    """

    def __init__(self, shapes: str, least: float, most: float, margin: int = 0) -> None:
        if shapes not in SHAPES:
            raise UsageError(f"There are no holes '{shapes}': they must be {', '.join(SHAPES)}.")
        if not 0 < least <= most < 1:
            raise UsageError(
                f"Holes are to cover {least:g} to {most:g} of a picture, but these must be shares above 0 and below 1, "
                "the smaller first. Type --least-hole 0.1 --most-hole 0.5."
            )
        self.shapes, self.least, self.most, self.margin = shapes, least, most, margin

    def drawn(self, height: int, width: int, numbers: torch.Generator) -> Tensor:
        """Where the holes are, a function of the generator's state alone.  # bool [H, W]"""
        if self.shapes == "centre":
            holes = torch.zeros(height, width, dtype=torch.bool)
            rows, columns = (
                slice(side // 4 + self.margin, side // 4 + side // 2 - self.margin) for side in (height, width)
            )
            holes[rows, columns] = True
            return holes
        wanted = self.least + (self.most - self.least) * _uniform(numbers)
        held, share, scale = Image.new("L", (width, height), 0), 0.0, 1.0
        while share < wanted:
            trial = held.copy()
            boxed = self.shapes == "boxes" or (self.shapes == "mixed" and _uniform(numbers) < 0.5)
            (_box if boxed else _stroke)(trial, scale, numbers)
            covered = float(np.asarray(trial).mean()) / 255
            if covered > self.most and scale > _LEAST_SCALE:
                scale /= 2
                continue
            held, share = trial, covered
        return torch.from_numpy(np.asarray(held) > 0)

    def known(self, shape: tuple[int, int], numbers: list[torch.Generator], like: Tensor) -> Tensor:
        """1 where pixels of pictures are known and 0 in holes.  # [N, 1, H, W]

        Args:
            shape: (height, width).
            numbers: Of each picture.
            like: Of the device and the type wanted.
        """
        holes = torch.stack([self.drawn(*shape, each) for each in numbers])
        return (~holes).unsqueeze(1).to(like.device, like.dtype)


def read_holes(path: Path) -> Tensor:
    """The holes that a mask file marks: white there and black elsewhere, nothing between.  # bool [H, W]

    Of a mask of whole numbers, 0 and one other, that one marks holes.

    Raises:
        UsageError: Values between black and white, as a JPEG has; transparency; a mask without a hole or of one alone.
        DataError: It is no picture, or damaged.
    """
    if path.is_dir():
        raise DataError(f"The mask {path} is a folder. Name a file in it.")
    if not path.is_file():
        raise DataError(f"There is no mask {path}.")
    what = f"{path} is no mask that can be read"
    with reading(what), strict_pillow(), path.open("rb") as file, opened_picture(file) as image:
        image.load()
        transparent = "A" in image.getbands() and np.asarray(image.getchannel("A")).min() < 255
        values = np.asarray(image if image.mode.startswith("I") else image.convert("RGB").convert("L"))
        kind = image.format
    if transparent:
        raise UsageError(f"The mask {path} is transparent in places. Make it white in holes and black elsewhere.")
    found = np.unique(values)
    if len(found) > 2 or (len(found) == 2 and found[0] != 0):
        why = ", as a JPEG does, which blurs every edge" if kind == "JPEG" else ""
        raise UsageError(
            f"The mask {path} holds {len(found)} different values{why}. It must be white in holes and black elsewhere, "
            "nothing between: save it as PNG, drawn without smooth edges."
        )
    if len(found) == 1 and found[0] not in (0, np.iinfo(values.dtype).max):
        raise UsageError(
            f"The mask {path} is of one grey, {found[0]}, everywhere. Make it white in holes and black elsewhere."
        )
    if len(found) == 1:
        raise UsageError(
            f"The mask {path} is {'white' if found[0] else 'black'} everywhere, so it marks "
            f"{'all' if found[0] else 'nothing'}. Make it white in holes and black elsewhere."
        )
    return torch.from_numpy(values > 0)


def _uniform(numbers: torch.Generator) -> float:
    return float(torch.rand((), generator=numbers, dtype=torch.float64))


def _box(image: Image.Image, scale: float, numbers: torch.Generator) -> None:
    wide, high = (
        max(1, round(side * scale * (SMALLEST + (LARGEST - SMALLEST) * _uniform(numbers)))) for side in image.size
    )
    left, top = (
        int(_uniform(numbers) * (whole - side + 1)) for whole, side in zip(image.size, (wide, high), strict=True)
    )
    ImageDraw.Draw(image).rectangle((left, top, left + wide - 1, top + high - 1), fill=255)


def _stroke(image: Image.Image, scale: float, numbers: torch.Generator) -> None:
    """Some straight parts with round ends that go to and fro."""
    shorter, brush, way = min(image.size), ImageDraw.Draw(image), 2 * pi * _uniform(numbers)
    x, y = (side * _uniform(numbers) for side in image.size)
    thick = max(1, round(shorter * scale * WIDEST * (0.3 + 0.7 * _uniform(numbers))))
    for part in range(1 + int(5 * _uniform(numbers))):
        angle = way + (-1) ** part * (TURN + SWAY * (2 * _uniform(numbers) - 1))
        length = shorter * scale * LONGEST * _uniform(numbers)
        end = (x + length * cos(angle), y + length * sin(angle))
        brush.line((x, y, *end), fill=255, width=thick)
        for centre in ((x, y), end):
            brush.ellipse([side + sign * thick / 2 for sign in (-1, 1) for side in centre], fill=255)
        x, y = end
