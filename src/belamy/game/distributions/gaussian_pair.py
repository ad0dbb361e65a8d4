"""Two Gaussians on the line: the smallest distribution of which a mode can be lost."""

import torch

from belamy.game.limits import check_range
from belamy.game.mixture import GaussianMixture


class Distribution:
    r"""Half the data from :math:`N(-s/2, \sigma^2)` and half from :math:`N(s/2, \sigma^2)`.

    Args:
        separation: s, in 0..8.
        deviation: σ, in 0.05..2.
    """

    dimensions = 1
    window = (-5.0, 5.0)

    def __init__(self, *, separation: float = 4.0, deviation: float = 0.5) -> None:
        half = check_range(separation, 0, 8, "gaussian-pair.separation") / 2
        self.spread = check_range(deviation, 0.05, 2, "gaussian-pair.deviation")
        self.centres = torch.tensor([[-half], [half]])
        mixture = GaussianMixture(self.centres, deviation)
        self.sample, self.density = mixture.sample, mixture.density
