"""Gaussians on a circle."""

import math

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within


class Distribution:
    """Equal Gaussians, evenly spaced on a circle; the first lies to the right.

    References:
        Metz et al. 2017, arXiv 1611.02163, section 3.2: eight of deviation 0.02 on a circle of radius 2.

    Args:
        modes: How many, in 1..64.
        radius: Of the circle, in 0.5..4.
        deviation: Standard deviation of each, in 0.005..1.
    """

    dimensions = 2

    def __init__(self, *, modes: int = 8, radius: float = 2.0, deviation: float = 0.02) -> None:
        Within(1, 64).check("ring.modes", modes)
        Within(0.5, 4).check("ring.radius", radius)
        self.spread = Within(0.005, 1).check("ring.deviation", deviation)
        angles = torch.arange(modes) * (2 * math.pi / modes)
        self.centres = radius * torch.stack([angles.cos(), angles.sin()], 1)
        reach = 1.4 * radius + 3 * deviation
        self.window = (-reach, reach)
        mixture = GaussianMixture(self.centres, deviation)
        self.sample, self.density = mixture.sample, mixture.density
        self.density_on_grid = mixture.density_on_grid
