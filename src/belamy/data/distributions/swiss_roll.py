"""A spiral: one curved piece, no modes."""

import math

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within

KNOTS = 1500


class Distribution:
    r"""Points along :math:`t(\cos t, \sin t)`, t uniform on [3π/2, 9π/2], with Gaussian noise; scaled to radius 2.

    *Departs from the papers*: t takes 1500 even values, so that the density is a finite sum; neighbours lie closer
    than the least noise.

    References:
        Marsland 2009, Machine Learning: An Algorithmic Perspective (the roll's parametrisation); Gulrajani et al. 2017,
        arXiv 1704.00028, figure 1 (as a test of GANs).

    Args:
        deviation: Of the noise, in 0.02..0.5.
    """

    dimensions = 2
    window = (-2.6, 2.6)
    centres = None
    spread = 0.0

    def __init__(self, *, deviation: float = 0.06) -> None:
        Within(0.02, 0.5).check("swiss-roll.deviation", deviation)
        t = 1.5 * math.pi * (1 + 2 * (torch.arange(KNOTS) + 0.5) / KNOTS)
        along = t[:, None] * torch.stack([t.cos(), t.sin()], 1) * (2 / (4.5 * math.pi))
        mixture = GaussianMixture(along, deviation)
        self.sample, self.density = mixture.sample, mixture.density
        self.density_on_grid = mixture.density_on_grid
