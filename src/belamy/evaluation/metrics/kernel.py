"""The kernel distance between the features of real and generated images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.intervals import normal_quantile, student_quantile
from belamy.evaluation.rows import placed
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

_BLOCK = 2000
"""Rows of a kernel matrix that are held together."""
FEW = 1000
"""Images below which the interval is made wider."""
_FAR = 30.0
"""Distance of the features' mean from 0, in units of their spread, from which on the kernel sees little else."""


class Metric(SidedMetric):
    r"""Squared maximum mean discrepancy under a polynomial kernel, without bias at any number of images.

    .. math:: \frac{1}{n(n-1)}\sum_{i\ne j}k(x_i,x_j) + \frac{1}{m(m-1)}\sum_{i\ne j}k(y_i,y_j)
        - \frac{2}{nm}\sum_{ij}k(x_i,y_j), \qquad k(x,y) = \Bigl(\frac{x^\top y}{d}+1\Bigr)^3

    ``kernel`` is of all pairs. ``kernel-subset-mean`` and ``kernel-subset-sd`` are what others call KID: mean and
    standard deviation (divisor: the number of subsets) over subsets drawn without replacement. The subsets overlap, so
    that deviation is no standard error. Values are raw, neither times 100 nor 1,000; negative ones are legal.

    The interval, of ``kernel`` alone, is of the sampling of both sets. The estimator is normal about the truth with the
    variance of its Hoeffding decomposition, with :math:`a, b` the kernel's one-sided means and :math:`\tilde k` the
    kernel centred on both sides:

    .. math:: \frac4n\mathrm{Var}\,a + \frac4m\mathrm{Var}\,b + \frac{2}{n^2}\mathbb{E}\tilde k_{xx}^2 +
        \frac{2}{m^2}\mathbb{E}\tilde k_{yy}^2 + \frac{4}{nm}\mathbb{E}\tilde k_{xy}^2

    Below 1,000 images the estimate is skew and its variance is told poorly: there nothing is taken off the variance of
    the estimated one-sided means, which holds the later terms twice over, and the quantile is Student's with a tenth
    as many degrees of freedom as there are images. Of few features that are skew themselves an interval still holds
    the truth in 9 of 10 cases only.

    The kernel has an origin: where features lie far from 0, against their spread, it sees little but their mean.

    References:
        Bińkowski et al. 2018, arXiv 1801.01401, section 4; the estimator: Gretton et al. 2012, "A kernel two-sample
        test", equation 3; the variance: Hoeffding 1948, "A class of statistics with asymptotically normal
        distribution".

    Args:
        degree: Of the polynomial.
        subsets: How many subsets; 0 for none.
        size: Rows of a subset on each side.
        most: Rows compared on each side; of more, a sample.
        seed: Of the subsets.
    """

    def __init__(
        self, *, degree: int = 3, subsets: int = 100, size: int = 1000, most: int = 10_000, seed: int = 0
    ) -> None:
        if degree < 1 or subsets < 0 or size < 2 or most < 2:
            raise UsageError(
                f"The kernel distance is given degree {degree}, {subsets} subsets of {size} and {most} rows at most, "
                f"but it needs degree ≥ 1, subsets ≥ 0, size ≥ 2 and most ≥ 2."
            )
        self.degree, self.subsets, self.size, self.seed = degree, subsets, size, seed
        self.sides: Sides[_Found] = Sides("features", most=most)

    def compute(self) -> dict[str, float]:
        found = self.sides.once(self._measured)
        values = {"kernel": found.value}
        if len(found.subsets):
            values["kernel-subset-mean"] = float(found.subsets.mean())
            values["kernel-subset-sd"] = float(found.subsets.std(correction=0))
        return values

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        found, least = self.sides.once(self._measured), self._least()
        reach = student_quantile(max(1, least // 10)) if least < FEW else normal_quantile()
        error = reach * found.variance**0.5
        return {"kernel": Interval(found.value, found.value - error, found.value + error)}

    @property
    def notes(self) -> list[str]:
        found: list[str] = []
        for side, rows in (("real", self.sides.rows("real")), ("generated", self.sides.rows("fake"))):
            if rows.seen > len(rows):
                found.append(
                    f"The kernel distance compares a sample of {len(rows):,} of the {rows.seen:,} {side} images; "
                    f"kernel:most={rows.seen} compares all."
                )
        least = self._least()
        if self.subsets and least < self.size:
            found.append(
                f"There are {least:,} images, too few for subsets of {self.size:,}: the kernel distance is that of all "
                f"pairs alone, which has no bias at any size."
            )
        if least < FEW:
            found.append(
                f"With fewer than {FEW:,} images the kernel distance's interval is an approximation: of skew features "
                "it holds the truth in 9 of 10 cases."
            )
        if (far := remoteness(self.sides.table("real"), self.sides.table("fake"))) > _FAR:
            found.append(
                f"The features lie {far:,.0f} times as far from 0 as they spread. The kernel distance, which is "
                "measured from 0, then sees little but the difference of the means, in a huge unit: compare by the "
                "Fréchet distance, which has no origin."
            )
        return found

    def _least(self) -> int:
        """Images of the side that has fewer."""
        return min(self.sides.count("real"), self.sides.count("fake"))

    def _measured(self) -> _Found:
        for side, count in (("real", self.sides.count("real")), ("generated", self.sides.count("fake"))):
            if count < 2:
                raise UsageError(
                    f"The kernel distance needs at least 2 images on each side, but there are {count} {side}."
                )
        real, fake = (placed(self.sides.table(side)) for side in ("real", "fake"))
        if real.shape[1] != fake.shape[1]:
            raise UsageError(
                f"Real images have {real.shape[1]} features, but generated ones {fake.shape[1]}: look at both with one "
                f"extractor."
            )
        n, m, size = len(real), len(fake), self.size
        subsets = self.subsets if min(n, m) >= size else 0
        of_real, of_fake = self._drawn(n, subsets, "real"), self._drawn(m, subsets, "fake")
        xx = _sums(real, real, of_real, of_real, self.degree, within=True)
        yy = _sums(fake, fake, of_fake, of_fake, self.degree, within=True)
        xy = _sums(real, fake, of_real, of_fake, self.degree, within=False)
        value = float(xx.rows.sum() / (n * (n - 1)) + yy.rows.sum() / (m * (m - 1)) - 2 * xy.rows.sum() / (n * m))
        found = (xx.subsets + yy.subsets) / (size * (size - 1)) - 2 * xy.subsets / size**2
        return _Found(value, found, _variance(xx, yy, xy, n, m))

    def _drawn(self, count: int, subsets: int, side: str) -> Tensor:
        """Which rows are in each subset: 0 or 1 of ``[count, subsets]``."""
        table = torch.zeros(count, subsets, dtype=torch.float64)
        for subset in range(subsets):
            order = torch.randperm(count, generator=generator(self.seed, "subset", side, subset))
            table[order[: self.size], subset] = 1
        return table


class _Found(NamedTuple):
    value: float
    subsets: Tensor
    variance: float


class _Sums(NamedTuple):
    """Sums of a kernel matrix by row, by column, within subsets, and of squares; within a set, without the diagonal."""

    rows: Tensor
    columns: Tensor
    subsets: Tensor
    squares: float


def _sums(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, degree: int, within: bool) -> _Sums:
    """In blocks, so that no kernel matrix is ever whole."""
    rows = torch.zeros(len(x), dtype=torch.float64)
    columns = torch.zeros(len(y), dtype=torch.float64)
    subsets, squares = torch.zeros(of_x.shape[1], dtype=torch.float64), 0.0
    for i in range(0, len(x), _BLOCK):
        some = x[i : i + _BLOCK].double()
        for j in range(0, len(y), _BLOCK):
            block = (some @ y[j : j + _BLOCK].double().T / x.shape[1] + 1).pow_(degree)
            if within and i == j:
                block.fill_diagonal_(0)
            rows[i : i + _BLOCK] += block.sum(1)
            columns[j : j + _BLOCK] += block.sum(0)
            subsets += (of_x[i : i + _BLOCK] * (block @ of_y[j : j + _BLOCK])).sum(0)
            squares += float(block.square_().sum())
    return _Sums(rows, columns, subsets, squares)


def _variance(xx: _Sums, yy: _Sums, xy: _Sums, n: int, m: int) -> float:
    """Of the estimate over all pairs; see :class:`Metric`.

    The variance of the estimated one-sided means holds the second-order terms already, twice over. Of few images it is
    left so; of more they are taken off once, and the difference is not let below half of what it should be.
    """
    of_x = xx.rows / (n - 1) - xy.rows / m
    of_y = yy.rows / (m - 1) - xy.columns / n
    first = 4 * float(of_x.var() / n + of_y.var() / m)
    within = _centred(xx, n * (n - 1)) / n**2 + _centred(yy, m * (m - 1)) / m**2
    second = 2 * within + 4 * _centred(xy, n * m) / (n * m)
    return max(first, second) if min(n, m) < FEW else max(first - second, second / 2)


def remoteness(*sides: Tensor) -> float:
    """How far the mean of all rows lies from 0, over their root mean square distance from it; 0 where none spreads."""
    rows = torch.cat([side.double() for side in sides])
    mean = rows.mean(0)
    spread = float((rows - mean).square().sum(1).mean().sqrt())
    return float(mean.norm()) / spread if spread else 0.0


def _centred(sums: _Sums, entries: int) -> float:
    """Mean square of a kernel matrix with so many entries that is centred on both sides."""
    rows, columns = (each * len(each) / entries for each in (sums.rows, sums.columns))
    mean_square = sums.squares / entries - float(rows.square().mean()) - float(columns.square().mean())
    return max(0.0, mean_square + float(rows.mean()) ** 2)
