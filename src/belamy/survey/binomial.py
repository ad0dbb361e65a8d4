"""Exact binomial numbers: tails, intervals, tests and their power."""

from __future__ import annotations

from math import lgamma, log
from typing import TYPE_CHECKING

from belamy.evaluation.statistics import Interval

if TYPE_CHECKING:
    from torch import Tensor

CLOSE = 1e-9


def masses(trials: int, chance: float) -> Tensor:
    """Probability of 0 … n successes.  # [n + 1] float64"""
    import torch

    if not 0 < chance < 1:
        certain = torch.zeros(trials + 1, dtype=torch.float64)
        certain[trials if chance else 0] = 1
        return certain
    k = torch.arange(trials + 1, dtype=torch.float64)
    ways = lgamma(trials + 1) - torch.lgamma(k + 1) - torch.lgamma(trials - k + 1)
    return (ways + k * log(chance) + (trials - k) * log(1 - chance)).exp()


def p_value(right: int, trials: int, chance: float = 0.5) -> float:
    """The two-sided exact binomial test: probability of all that is no likelier than what was seen.

    Example:
        >>> round(p_value(8, 10), 6)
        0.109375
    """
    likely = masses(trials, chance)
    return min(1.0, float(likely[likely <= likely[right] * (1 + CLOSE)].sum()))


def clopper_pearson(right: int, trials: int, confidence: float = 0.95) -> Interval:
    """A share of independent trials with its exact interval, which holds the truth at least as often as it says.

    References:
        Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".

    Example:
        >>> [round(number, 4) for number in clopper_pearson(8, 10)]
        [0.8, 0.4439, 0.9748]
    """
    if trials < 1:
        raise ValueError("no trials")
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if right:
        low = _crossing(lambda chance: float(masses(trials, chance)[right:].sum()) - tail)
    if right < trials:
        high = _crossing(lambda chance: tail - float(masses(trials, chance)[: right + 1].sum()))
    return Interval(right / trials, low, high)


def power(trials: int, chance: float, level: float = 0.05) -> float:
    """How often the two-sided exact test of 1/2 finds what it looks for, if the chance of a success is ``chance``.

    Example:
        >>> round(power(100, 0.6), 4)
        0.4621
    """
    import torch

    fair = masses(trials, 0.5)
    tails = fair.cumsum(0)
    rejected = int((2 * tails <= level).sum())  # 0 … rejected - 1 successes, and as many from the other end
    truth = masses(trials, chance)
    ends = torch.cat([truth[:rejected], truth[trials + 1 - rejected :]])
    return float(ends.sum())


def _crossing(rising: object) -> float:
    """Where a rising function of a chance is 0."""
    assert callable(rising)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
