"""How far two sets of numbers differ: histograms, exact distributions, Jensen–Shannon and Kolmogorov–Smirnov.

The table that TequilaGAN prints has its own protocol, which :func:`compare` follows; see :data:`SCALE`.
"""

from __future__ import annotations

from math import exp, log, pi, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from belamy.errors import UsageError

SCALE = 256
"""Pixels are divided by this in TequilaGAN's table: 255 gives other numbers for every row but the first."""
REFERENCE = 10_000
"""The table's reference is this many of the first training images."""
BINS = 100
"""Of the table's histogram, over [0, 1]."""
ZOOM = (0.11, 0.88)
"""Range of the second histogram, without the modes."""
POINTS = 50
"""Places between 0 and 1, both included, at which distribution functions are drawn."""


class Histogram:
    """Counts of numbers in even bins, in constant memory.

    A bin holds its lower edge but not its upper one; the last holds both. Numbers outside are counted apart.

    Example:
        >>> histogram = Histogram(4)
        >>> histogram.update(torch.tensor([0.0, 0.25, 1.0, -0.1]))
        >>> histogram.counts.tolist(), histogram.outside
        ([1, 1, 0, 1], 1)

    Args:
        bins: How many.
        low: Lower edge of the first.
        high: Upper edge of the last.
    """

    def __init__(self, bins: int = BINS, low: float = 0.0, high: float = 1.0) -> None:
        if bins < 1 or not low < high:
            raise UsageError(f"A histogram needs a bin and a range, but has {bins} bins from {low:g} to {high:g}.")
        self.edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
        self.counts = torch.zeros(bins, dtype=torch.long)
        self.outside = 0

    def update(self, numbers: Tensor) -> None:
        """Count numbers of any shape."""
        numbers = numbers.flatten().double()
        bins = len(self.counts)
        place = torch.bucketize(numbers, self.edges, right=True) - 1  # [m] -1 … bins
        place[numbers == self.edges[-1]] = bins - 1
        found = torch.bincount(place + 1, minlength=bins + 2)
        self.counts += found[1:-1]
        self.outside += int(found[0] + found[-1])

    def merge(self, other: Histogram) -> None:
        """Count what another histogram of the same edges has counted."""
        if not torch.equal(self.edges, other.edges):
            raise UsageError("Histograms of different edges cannot be merged. Make both with the same bins and range.")
        self.counts += other.counts
        self.outside += other.outside


class Empirical:
    """The distribution of all numbers seen, exactly: distinct values and how often each came.

    Memory grows with the number of distinct values, which for uint8 pixels is 256 at most.

    Example:
        >>> seen = Empirical()
        >>> seen.update(torch.tensor([0.5, 0.0, 0.5, 1.0]))
        >>> seen.at(torch.tensor([0.0, 0.4, 0.5])).tolist()
        [0.25, 0.25, 0.75]
    """

    def __init__(self) -> None:
        self.values = torch.zeros(0, dtype=torch.float64)
        self.counts = torch.zeros(0, dtype=torch.long)

    def __len__(self) -> int:
        return int(self.counts.sum())

    def update(self, numbers: Tensor) -> None:
        """Count numbers of any shape."""
        values, counts = torch.unique(numbers.flatten(), return_counts=True)
        self._join(values.double(), counts)

    def merge(self, other: Empirical) -> None:
        """Count what another has counted."""
        self._join(other.values, other.counts)

    def at(self, points: Tensor) -> Tensor:
        """Share of the numbers that are at most each of the points.  # [k] -> [k] float64"""
        if not len(self):
            raise UsageError("There are no numbers yet, so they have no distribution. Call update first.")
        rising = torch.cat([torch.zeros(1, dtype=torch.long), self.counts.cumsum(0)])
        return rising[torch.searchsorted(self.values, points.double(), right=True)].double() / len(self)

    def _join(self, values: Tensor, counts: Tensor) -> None:
        if not torch.isfinite(values).all():
            raise UsageError("Some numbers are not finite, so they have no place in a distribution. Leave them out.")
        self.values, place = torch.unique(torch.cat([self.values, values]), return_inverse=True)
        joined = torch.zeros(len(self.values), dtype=torch.long)
        self.counts = joined.index_add_(0, place, torch.cat([self.counts, counts]))


class Difference(NamedTuple):
    """What the two-sample Kolmogorov–Smirnov test says.

    Args:
        statistic: Largest distance of the distribution functions, 0 to 1.
        p: Probability of one as large between independent numbers of one distribution.
    """

    statistic: float
    p: float


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    r"""Jensen–Shannon divergence in nats, 0 to log 2, of counts or shares ``[..., k]``.

    .. math:: \tfrac12\mathrm{KL}(p\Vert m) + \tfrac12\mathrm{KL}(q\Vert m), \qquad m = \tfrac12(p + q)

    with p and q divided by their sums.

    References:
        Lin 1991, "Divergence measures based on the Shannon entropy", equation 4.1.

    Example:
        >>> round(float(jensen_shannon(torch.tensor([1, 0]), torch.tensor([0, 5]))), 4)
        0.6931
    """
    p, q = (each.double() / each.double().sum(-1, keepdim=True) for each in (p, q))
    m = (p + q) / 2
    terms = torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)
    return terms.sum(-1).clamp(min=0) / 2


def kolmogorov_smirnov(a: Empirical, b: Empirical) -> Difference:
    r"""The two-sample test of Kolmogorov and Smirnov.

    .. math:: D = \sup_x |F_a(x) - F_b(x)|, \qquad
        p = 2\sum_{k\ge1}(-1)^{k-1}e^{-2k^2\lambda^2}, \quad \lambda = D\sqrt{\tfrac{nm}{n+m}}

    The p-value is that of many independent numbers. Where values are few it is too large; where the numbers depend on
    each other, as the pixels of an image do, it is far too small, so that two honest halves of a set are told apart:
    test one number per image then.

    References:
        Kolmogorov 1933; Smirnov 1939.
    """
    points = torch.cat([a.values, b.values])
    statistic = float((a.at(points) - b.at(points)).abs().max())
    n, m = len(a), len(b)
    return Difference(statistic, survival(statistic * sqrt(n * m / (n + m))))


def survival(x: float) -> float:
    """Probability that Kolmogorov's limit distribution exceeds ``x``.

    Example:
        >>> round(survival(1.3581), 4)
        0.05
    """
    if x <= 0:
        return 1.0
    if x < 1:  # the theta function's other series converges where this one does not
        total = sum(exp(-((2 * k - 1) ** 2) * pi**2 / (8 * x * x)) for k in range(1, 20))
        return min(1.0, 1 - sqrt(2 * pi) / x * total)
    return 2 * sum((-1) ** (k - 1) * exp(-2 * k * k * x * x) for k in range(1, 20))


def threshold(alpha: float, n: int, m: int) -> float:
    r"""The statistic above which numbers n and m are said to differ, wrongly with probability ``alpha``.

    .. math:: c(\alpha)\sqrt{\tfrac{n+m}{nm}}, \qquad c(\alpha) = \sqrt{-\tfrac12\log\tfrac\alpha2}

    Example:
        >>> round(threshold(0.05, 2, 2), 4)
        1.3581
    """
    if not 0 < alpha < 1 or min(n, m) < 1:
        raise UsageError(f"alpha = {alpha:g}, n = {n}, m = {m}, but alpha must be between 0 and 1, n and m at least 1.")
    return sqrt(-log(alpha / 2) / 2) * sqrt((n + m) / (n * m))


class PixelSummary:
    """What the table needs of one set of images: the distribution of their pixels and two histograms."""

    def __init__(self) -> None:
        self.distribution = Empirical()
        self.histogram = Histogram(BINS)
        self.zoom = Histogram(BINS, *ZOOM)

    def update(self, values: Tensor) -> None:
        """Count pixels of any shape, 0 to 1; those outside count for the distribution only."""
        self.distribution.update(values)
        self.histogram.update(values)
        self.zoom.update(values)

    def merge(self, other: PixelSummary) -> None:
        """Count what another has counted."""
        self.distribution.merge(other.distribution)
        self.histogram.merge(other.histogram)
        self.zoom.merge(other.zoom)

    def curve(self) -> Tensor:
        """The distribution function at the 50 places where the paper draws it."""
        return self.distribution.at(torch.linspace(0, 1, POINTS, dtype=torch.float64))


class DivergenceRow(NamedTuple):
    """A row of the table: statistic and p of the test of Kolmogorov and Smirnov, and divergence in nats."""

    statistic: float
    p: float
    divergence: float


def compare(reference: PixelSummary, other: PixelSummary) -> DivergenceRow:
    """The row of a set of images in TequilaGAN's table.

    Its numbers come out as printed where pixels are divided by 256 and the reference is the first 10,000 images of
    MNIST's training split.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 11; Valle, Cai, Doshi 2018,
        arXiv 1807.04919.
    """
    test = kolmogorov_smirnov(reference.distribution, other.distribution)
    return DivergenceRow(*test, float(jensen_shannon(reference.histogram.counts, other.histogram.counts)))
