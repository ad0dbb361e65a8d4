"""How far the pixels of two sets differ: exact distributions, histograms, and the test of Kolmogorov and Smirnov.

The table that TequilaGAN prints has its own protocol, which :func:`compare` follows; see :data:`SCALE`.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.two_samples import jensen_shannon

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


class PixelSummary:
    """The distribution of all numbers seen, exactly: distinct values and how often each came.

    Memory grows with the number of distinct values, which for uint8 pixels is 256 at most.

    Example:
        >>> seen = PixelSummary()
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

    def merge(self, other: PixelSummary) -> None:
        """Count what another has counted."""
        self._join(other.values, other.counts)

    def at(self, points: Tensor) -> Tensor:
        """Share of the numbers that are at most each of the points.  # [k] -> [k] float64"""
        if not len(self):
            raise UsageError("There are no numbers yet, so they have no distribution. Call update first.")
        rising = torch.cat([torch.zeros(1, dtype=torch.long), self.counts.cumsum(0)])
        return rising[torch.searchsorted(self.values, points.double(), right=True)].double() / len(self)

    def curve(self) -> Tensor:
        """The distribution function at the 50 places where the paper draws it."""
        return self.at(torch.linspace(0, 1, POINTS, dtype=torch.float64))

    def histogram(self, low: float = 0.0, high: float = 1.0, bins: int = BINS) -> Tensor:
        """Counts in even bins, which hold their lower edge and the last its upper one too; others are left out."""
        edges = np.linspace(low, high, bins + 1)
        return torch.from_numpy(np.histogram(self.values.numpy(), edges, weights=self.counts.numpy())[0]).long()

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


def kolmogorov_smirnov(a: PixelSummary, b: PixelSummary) -> Difference:
    r"""The two-sample test of Kolmogorov and Smirnov.

    .. math:: D = \sup_x |F_a(x) - F_b(x)|, \qquad
        p = 2\sum_{k\ge1}(-1)^{k-1}e^{-2k^2\lambda^2}, \quad \lambda = D\sqrt{\tfrac{nm}{n+m}}

    The p-value is that of many independent numbers. Where values are few it is too large; where the numbers depend on
    each other, as the pixels of an image do, it is far too small, so that two honest halves of a set are told apart:
    test one number per image then.

    References:
        Kolmogorov 1933; Smirnov 1939.
    """
    from scipy.special import kolmogorov

    points = torch.cat([a.values, b.values])
    statistic = float((a.at(points) - b.at(points)).abs().max())
    n, m = len(a), len(b)
    return Difference(statistic, float(kolmogorov(statistic * sqrt(n * m / (n + m)))))


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
    shares = (each.histogram().double() for each in (reference, other))
    divergence = jensen_shannon(*(counts / counts.sum() for counts in shares))
    return DivergenceRow(*kolmogorov_smirnov(reference, other), float(divergence))
