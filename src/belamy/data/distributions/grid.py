"""Gaussians on a square grid."""

import torch

from belamy.data.mixture import GaussianMixture
from belamy.ranges import Within


class Distribution:
    """Equal Gaussians at the crossings of a square grid around the origin.

    References:
        Dumoulin et al. 2017, arXiv 1606.00704, section 4.2 (25 modes); Lin et al. 2018, arXiv 1712.04086, section 4.1:
        centres at -4, -2, 0, 2, 4 and variance 0.0025.

    Args:
        side: Gaussians in a row, in 2..9.
        spacing: Between neighbours, in 0.2..3.
        deviation: Standard deviation of each, in 0.005..1.
    """

    dimensions = 2

    def __init__(self, *, side: int = 5, spacing: float = 2.0, deviation: float = 0.05) -> None:
        Within(2, 9).check("grid.side", side)
        Within(0.2, 3).check("grid.spacing", spacing)
        self.spread = Within(0.005, 1).check("grid.deviation", deviation)
        places = (torch.arange(side) - (side - 1) / 2) * spacing
        self.centres = torch.cartesian_prod(places, places)
        reach = float(places[-1]) + 0.7 * spacing + 3 * deviation
        self.window = (-reach, reach)
        mixture = GaussianMixture(self.centres, deviation)
        self.sample, self.density = mixture.sample, mixture.density
        self.density_on_grid = mixture.density_on_grid
