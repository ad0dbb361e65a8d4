"""Dead leaves: made-up scenes with the edges, scales and shades of photographs."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from belamy.data.assembly import Raw, assemble
from belamy.data.dataset import Dataset
from belamy.data.load_options import LoadOptions
from belamy.data.patterns import ink
from belamy.ranges import Within

SIDE = 128
SHAPES = 160
SMALLEST, LARGEST = 3.0, 60.0
"""Radii, in pixels."""


class Source:
    r"""Made-up scenes of 128x128 pixels: shapes of all sizes that cover each other, shaded and grained.

    What learns from pictures of anything, as a style network does, learns from these where no photographs are at hand.

    *Departs from the paper*, whose radii follow :math:`p(r) \propto r^{-3}`: here :math:`r^{-2}`, for fewer specks.

    They are drawn when the set is opened, 120 a second.

    References:
        Lee, Mumford & Huang 2001, IJCV 41, section 2; Baradad et al. 2021, arXiv 2106.05963.

    Args:
        count: How many.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("dead-leaves:count=20")
        Dataset('dead-leaves', 20 images of 3x128x128)
    """

    def __init__(self, *, count: int = 1200) -> None:
        self.count = Within(2, 1_000_000).check("dead-leaves.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The scenes, each decided by its number."""
        drawn = torch.empty((self.count, 3, SIDE, SIDE), dtype=torch.uint8)
        for number in range(self.count):
            drawn[number] = scene(number)
            if options.progress is not None:
                options.progress(number + 1, self.count)
        return assemble(drawn, Raw(name="dead-leaves", licence="CC0: drawn here"), options)


def scene(number: int) -> Tensor:
    """One of the scenes.  # [3, 128, 128] uint8"""
    source = np.random.default_rng(number)
    shares = source.uniform(0, 1, SHAPES)
    radii = 1 / (1 / SMALLEST + shares * (1 / LARGEST - 1 / SMALLEST))
    radii[: SHAPES // 8] = LARGEST  # the ground, covered everywhere
    tints = source.normal(0, 18, (SHAPES, 3)) + source.normal(0, 20, 3)
    colours = source.beta(0.9, 0.9, (SHAPES, 1)) * 230 + 12 + tints
    image = Image.new("RGB", (2 * SIDE, 2 * SIDE), ink(colours[0]))
    pen = ImageDraw.Draw(image)
    for radius, colour, place in zip(2 * radii, colours, source.uniform(0, 2 * SIDE, (SHAPES, 2)), strict=True):
        corners = int(source.integers(3, 9))
        if corners > 5:
            pen.ellipse([*(place - radius), *(place + radius * source.uniform(0.4, 1, 2))], fill=ink(colour))
            continue
        angles = np.sort(source.uniform(0, 2 * np.pi, corners))
        outline = place + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        pen.polygon([(x, y) for x, y in outline], fill=ink(colour))
    flat = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
    shade = 1 + 0.14 * _clouds(source, 3) + 0.08 * _clouds(source, 24)
    grained = flat * shade[..., None] + source.uniform(0, 12) * _clouds(source, 64)[..., None]
    return torch.from_numpy(grained.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)


def _clouds(source: np.random.Generator, knots: int) -> np.ndarray:
    coarse = Image.fromarray(source.normal(size=(knots, knots)).astype(np.float32))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
