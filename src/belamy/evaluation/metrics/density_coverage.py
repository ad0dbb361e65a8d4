"""How densely the real images are surrounded by generated ones, and how many of them are at all."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.metrics.precision_recall import as_share, few
from belamy.evaluation.neighbours import coverings, nearest, nearest_within
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.evaluation.subsampling import subsampled


class Metric(SidedMetric):
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
        if k < 1:
            raise UsageError(f"density-coverage.k is {k}, but there is no such neighbour: write 1 or more.")
        self.k = k
        self.sides: Sides[dict[str, float]] = Sides()

    def compute(self) -> dict[str, float]:
        if self.sides.count("real") <= self.k or not self.sides.count("fake"):
            return {}
        return dict(self.sides.once(lambda: measure(self.sides.table("real"), self.sides.table("fake"), k=self.k)))

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        values = self.compute()
        if not values:
            return {}
        tables = self.sides.table("real"), self.sides.table("fake")
        found = subsampled(values, partial(measure, k=self.k), *tables, seed=seed)
        if "coverage" in found:
            found["coverage"] = as_share(found["coverage"], len(tables[0]))
        return found

    @property
    def notes(self) -> list[str]:
        return few(self.sides, "density and coverage", self.k, self.compute())


def measure(real: Tensor, fake: Tensor, *, k: int) -> dict[str, float]:
    """The numbers of :class:`Metric` for two tables of features ``[n, d]`` and ``[m, d]``."""
    radii = nearest_within(real, k).distances[:, -1]
    counts = coverings(fake, centres=real, radii=radii)
    covered = nearest(real, fake, 1).distances[:, 0] <= radii
    return {"density": float(counts.double().mean()) / k, "coverage": float(covered.double().mean())}
