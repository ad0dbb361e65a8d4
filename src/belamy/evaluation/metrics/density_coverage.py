"""How densely the real images are surrounded by generated ones, and how many of them are at all."""

from __future__ import annotations

from torch import Tensor

from belamy.evaluation.metrics.precision_recall import ManifoldMetric, as_share
from belamy.evaluation.neighbours import coverings, nearest, nearest_within
from belamy.evaluation.statistics import Interval


class Metric(ManifoldMetric):
    r"""Density and coverage: balls about real images alone, so that outlying generated images add nothing.

    .. math:: \mathrm{density} = \frac{1}{km}\sum_j\sum_i\bigl[f_j \in B(r_i, d_k(r_i))\bigr], \qquad
        \mathrm{coverage} = \frac1n\sum_i\bigl[\min_j \lVert r_i - f_j\rVert \le d_k(r_i)\bigr]

    with :math:`d_k` the distance to the k-th other real image. Of two sets of one distribution and equal size the
    density is expected to be 1, the coverage :math:`1 - 2^{-k}`; a density above 1 is a crowd where real images crowd.
    The intervals are of the numbers' expectations at these counts, over draws of both sets.

    *Departs from the paper*: balls are closed; with the open ones of its program, images that repeat k times lie in no
    ball at all, not even their own.

    References:
        Naeem et al. 2020, arXiv 2002.09797, section 3.

    Args:
        k: Which neighbour's distance is the radius; 5 in the paper.

    Raises:
        UsageError: ``k`` is less than 1.
    """

    def __init__(self, *, k: int = 5) -> None:
        super().__init__("density-coverage", "density and coverage", measure, k)

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        found = super().intervals(seed)
        return found | {
            name: as_share(found[name], self.sides.count("real")) for name in ("coverage",) if name in found
        }


def measure(real: Tensor, fake: Tensor, *, k: int) -> dict[str, float]:
    """The numbers of :class:`Metric` for two tables of features ``[n, d]`` and ``[m, d]``."""
    radii = nearest_within(real, k).distances[:, -1]
    counts = coverings(fake, centres=real, radii=radii)
    covered = nearest(real, fake, 1).distances[:, 0] <= radii
    return {"density": float(counts.double().mean()) / k, "coverage": float(covered.double().mean())}
