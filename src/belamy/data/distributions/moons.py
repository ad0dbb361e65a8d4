"""Two half circles that reach into each other."""

import math

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within

KNOTS = 500


class Distribution:
    """Points on two interlocked half circles of radius 1.3, with Gaussian noise.

    *Departs from the usual set* of scikit-learn in size, and in that each half circle is 500 even points, so that the
    density is a finite sum.

    Args:
        deviation: Of the noise, in 0.02..0.5.
    """

    dimensions = 2
    window = (-2.6, 2.6)
    centres = None
    spread = 0.0

    def __init__(self, *, deviation: float = 0.08) -> None:
        Within(0.02, 0.5).check("moons.deviation", deviation)
        t = math.pi * (torch.arange(KNOTS) + 0.5) / KNOTS
        upper = torch.stack([t.cos() - 0.5, t.sin() - 0.25], 1)
        mixture = GaussianMixture(1.3 * torch.cat([upper, -upper]), deviation)
        self.sample, self.density = mixture.sample, mixture.density
        self.density_on_grid = mixture.density_on_grid
