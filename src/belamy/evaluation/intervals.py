"""Intervals of 95 % about shares, means, and whatever can be computed again on other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, isfinite, sqrt
from statistics import NormalDist

import torch
from torch import Tensor

from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

CONFIDENCE = 0.95
REPEATS = 1000
"""Draws of a bootstrap."""


def normal_quantile(confidence: float = CONFIDENCE) -> float:
    """z with P(\\|Z\\| < z) = ``confidence``."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(right: float, trials: int, confidence: float = CONFIDENCE) -> Interval:
    r"""A share of independent trials, with the score interval.

    .. math:: \frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}

    References:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Example:
        >>> [round(number, 3) for number in wilson(0, 10)]
        [0.0, 0.0, 0.278]
    """
    if trials < 1:
        raise ValueError("no trials")
    p, z = right / trials, normal_quantile(confidence)
    middle, shrink = p + z * z / (2 * trials), 1 + z * z / trials
    reach = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials**2))
    return Interval(p, max(0.0, min(p, (middle - reach) / shrink)), min(1.0, max(p, (middle + reach) / shrink)))


def clopper_pearson(right: float, trials: int) -> Interval:
    """A share of independent trials with its exact interval, which holds the truth at least as often as it says.

    References:
        Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".

    Example:
        >>> [round(number, 4) for number in clopper_pearson(8, 10)]
        [0.8, 0.4439, 0.9748]
    """
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = betaincinv(right, trials - right + 1, tail) if right > 0 else 0.0
    high = betaincinv(right + 1, trials - right, 1 - tail) if right < trials else 1.0
    return Interval(right / trials, float(low), float(high))


def about(value: float, error: float) -> Interval:
    """A number that is normal about the truth with standard error ``error``."""
    reach = normal_quantile() * error
    return Interval(value, value - reach, value + reach)


def factor(value: float, error: float, confidence: float = CONFIDENCE) -> Interval:
    """A positive number whose logarithm is normal about the truth's with standard error ``error``."""
    reach = exp(normal_quantile(confidence) * error)
    return Interval(value, value / reach, value * reach)


def mean(values: Tensor | Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent numbers, with Student's interval; unbounded for a single one.

    References:
        Student 1908, "The probable error of a mean".
    """
    found = torch.as_tensor(values, dtype=torch.float64)
    value = float(found.mean())
    if len(found) < 2:
        return Interval(value, -inf, inf)
    reach = student_quantile(len(found) - 1, confidence) * float(found.std()) / sqrt(len(found))
    return Interval(value, value - reach, value + reach)


def bootstrap(statistic: Callable[..., float], *counts: int, seed: int) -> Interval:
    """A number computed from rows, with the percentiles that it has when the rows are drawn again with replacement.

    The interval is widened to hold the number itself. Draws on which the number is not finite are left out.

    References:
        Efron 1979, "Bootstrap methods: another look at the jackknife"; Efron & Tibshirani 1993, chapter 13.

    Args:
        statistic: Computes the number from one tensor of indices per set.
        counts: How many rows each set has.
        seed: Of the draws.
    """
    value = statistic(*(torch.arange(count) for count in counts))
    source = generator(seed, "bootstrap")
    drawn = [statistic(*(torch.randint(count, (count,), generator=source) for count in counts)) for _ in range(REPEATS)]
    return percentiles(value, drawn)


def percentiles(value: float, drawn: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The middle share ``confidence`` of finite repetitions of a number, widened to hold the number itself."""
    finite = torch.tensor([each for each in drawn if isfinite(each)], dtype=torch.float64)
    if not len(finite):
        return Interval(value, -inf, inf)
    low, high = finite.quantile(torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2], dtype=torch.float64))
    return Interval(value, min(value, float(low)), max(value, float(high)))


def student_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """t with P(\\|T\\| < t) = ``confidence`` for Student's T of so many degrees of freedom.

    Example:
        >>> round(student_quantile(1), 3), round(student_quantile(9), 3)
        (12.706, 2.262)
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))
