"""How far generated images lie apart, against real ones."""

from __future__ import annotations

import torch

from belamy.evaluation.intervals import factor
from belamy.evaluation.moments import Moments, MomentsMetric
from belamy.evaluation.rows import Rows
from belamy.evaluation.statistics import Interval


class Metric(MomentsMetric):
    r"""Root mean square distance of two generated images in feature space, divided by that of two real ones.

    .. math:: \sqrt{\mathrm{tr}\,\Sigma_f / \mathrm{tr}\,\Sigma_r}

    since the mean squared distance of two independent draws is :math:`2\,\mathrm{tr}\,\Sigma`. It is 0 for a generator
    of one image and 1 for real images; more than 1 is strewn wider than real images, not better.

    The interval is of the sampling of both sets; the logarithm is normal with half the relative deviation of the mean
    squared distances from the centres.

    Args:
        sample: Images on each side that tell the interval, at most.
    """

    def __init__(self, *, sample: int = 10_000) -> None:
        super().__init__(sample)

    def compute(self) -> dict[str, float]:
        if self.real.count < 2 or self.fake.count < 2:
            return {}
        real, fake = self.real.variance, self.fake.variance
        return {"diversity": (fake / real) ** 0.5} if real else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        found = self.compute()
        if not found:
            return {}
        if not found["diversity"]:
            return {"diversity": Interval(0.0, 0.0, 0.0)}
        relative = sum(
            _relative_variance(rows, moments)
            for rows, moments in ((self.real_rows, self.real), (self.fake_rows, self.fake))
        )
        return {"diversity": factor(found["diversity"], relative**0.5 / 2)}


def _relative_variance(rows: Rows, moments: Moments) -> float:
    """Of the mean squared distance from the centre, over its square."""
    mean = moments.mean
    squares = torch.cat([(part.double() - mean).square().sum(1) for part in rows.chunks(1000)])
    return float(squares.var()) / moments.count / moments.variance**2
