"""Sines of random frequency, amplitude and phase."""

from __future__ import annotations

from math import pi

import torch

from belamy.data.dataset import Dataset
from belamy.data.load_options import LoadOptions
from belamy.data.ranged import ranged
from belamy.ranges import Within
from belamy.seeds import generator


class Source:
    r"""Series :math:`a \sin(2\pi f t / T + \varphi)`: a in [0.1, 0.9], f in [1, 5] periods, any phase.

    References:
        Esteban et al. 2017, arXiv 1706.02633, section 4.1 and its published settings: 14,000 series of 30 steps.

    Args:
        count: How many.
        steps: Length of each.
        channels: Waves side by side, each with numbers of its own.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("sines:count=40").shape
        (30, 1)
    """

    def __init__(self, *, count: int = 14_000, steps: int = 30, channels: int = 1) -> None:
        self.count = Within(2, 10**7).check("sines.count", count)
        self.steps = Within(2, 10**5).check("sines.steps", steps)
        self.channels = Within(1, 1000).check("sines.channels", channels)

    def open(self, options: LoadOptions) -> Dataset:
        """The sines, drawn by seed 0."""
        drawn = torch.rand(3, self.count, 1, self.channels, generator=generator(0, "sines"), dtype=torch.float64)
        amplitude, frequency, phase = 0.1 + 0.8 * drawn[0], 1 + 4 * drawn[1], 2 * pi * drawn[2]
        time = torch.arange(self.steps, dtype=torch.float64)[:, None] / self.steps
        values = amplitude * torch.sin(2 * pi * frequency * time + phase)  # [N, T, C]
        columns = [f"sine{number}" for number in range(1, self.channels + 1)]
        return ranged("series", "sines", values.float(), columns=columns, licence="CC0: computed here")
