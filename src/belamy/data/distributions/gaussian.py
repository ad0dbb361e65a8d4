"""One Gaussian on the line: the data of the classical figure."""

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within


class Distribution:
    r"""Data from :math:`N(\mu, \sigma^2)`; the generator starts elsewhere and has to find them.

    References:
        Goodfellow et al. 2014, arXiv 1406.2661, figure 1.

    Args:
        mean: μ, in -4..4.
        deviation: σ, in 0.05..2.
    """

    dimensions = 1
    window = (-5.0, 5.0)

    def __init__(self, *, mean: float = -1.5, deviation: float = 0.7) -> None:
        Within(-4, 4).check("gaussian.mean", mean)
        self.spread = Within(0.05, 2).check("gaussian.deviation", deviation)
        self.centres = torch.tensor([[mean]])
        mixture = GaussianMixture(self.centres, deviation)
        self.sample, self.density = mixture.sample, mixture.density
