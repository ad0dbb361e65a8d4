"""Waves of three shapes: sine, square and sawtooth."""

from __future__ import annotations

from math import pi
from typing import Any

import torch

from belamy.data.dataset import Dataset
from belamy.data.load_options import LoadOptions
from belamy.data.ranged import ranged
from belamy.ranges import Within
from belamy.seeds import generator

SHAPES = ("sine", "square", "saw")


class Source:
    """Series of three classes: sine, square and sawtooth of 1 to 3 periods, 0.3 to 0.9 high, at any phase, with noise.

    Args:
        count: How many, the three shapes in turn.
        steps: Length of each.
        noise: Standard deviation of the normal noise.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("waves:count=60").classes
        ('sine', 'square', 'saw')
    """

    def __init__(self, *, count: int = 6000, steps: int = 30, noise: float = 0.05) -> None:
        self.count = Within(3, 10**7).check("waves.count", count)
        self.steps = Within(4, 10**5).check("waves.steps", steps)
        self.noise = Within(0, 10).check("waves.noise", noise)

    def open(self, options: LoadOptions) -> Dataset:
        """The waves, drawn by seed 0."""
        source = generator(0, "waves")
        amplitude, frequency, shift = torch.rand(3, self.count, 1, generator=source, dtype=torch.float64)
        phase = ((1 + 2 * frequency) * torch.arange(self.steps) / self.steps + shift) % 1  # [N, T] in [0, 1)
        shapes = torch.stack([torch.sin(2 * pi * phase), torch.where(phase < 0.5, 1.0, -1.0), 2 * phase - 1])
        labels = torch.arange(self.count) % len(SHAPES)
        values = (0.3 + 0.6 * amplitude) * shapes[labels, torch.arange(self.count)]
        values += self.noise * torch.randn(values.shape, generator=source, dtype=torch.float64)
        given: dict[str, Any] = {"labels": labels, "classes": SHAPES, "licence": "CC0: computed here"}
        return ranged("series", "waves", values.float()[:, :, None], columns=["wave"], **given)
