"""Two Gaussians on the line: the smallest distribution of which a mode can be lost."""

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within


class Distribution:
    r"""Half the data from :math:`N(-s/2, \sigma^2)` and half from :math:`N(s/2, \sigma^2)`.

    Args:
        separation: s, in 0..8.
        deviation: σ, in 0.05..2.
    """

    dimensions = 1
    window = (-5.0, 5.0)

    def __init__(self, *, separation: float = 4.0, deviation: float = 0.5) -> None:
        half = Within(0, 8).check("gaussian-pair.separation", separation) / 2
        self.spread = Within(0.05, 2).check("gaussian-pair.deviation", deviation)
        self.centres = torch.tensor([[-half], [half]])
        mixture = GaussianMixture(self.centres, deviation)
        self.sample, self.density = mixture.sample, mixture.density
