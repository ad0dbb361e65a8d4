"""Two samples against each other: ranks, shares, divergences, and the correction for many tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import torch
from torch import Tensor

from belamy.evaluation.intervals import CONFIDENCE, normal_quantile
from belamy.evaluation.statistics import Interval


def placements(scores: Tensor, among: Tensor) -> Tensor:
    """Share of ``among`` below each score, ties counting half.  # [n] float64

    Example:
        >>> placements(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0])).tolist()
        [0.25, 1.0]
    """
    ordered, scores = among.double().sort().values, scores.double().contiguous()
    below, up_to = torch.searchsorted(ordered, scores), torch.searchsorted(ordered, scores, right=True)
    return (below + up_to).double() / (2 * len(among))


def superiority(first: Tensor, second: Tensor) -> tuple[float, float]:
    r"""Probability that the second is the larger, a tie counting half, and the standard error of its estimate.

    .. math:: \hat\theta = \frac{1}{mn} \sum_{ij} \Bigl([x_i < y_j] + \tfrac12 [x_i = y_j]\Bigr), \qquad
        \widehat{\mathrm{var}} = \frac{\mathrm{var}_j(V_j)}{n} + \frac{\mathrm{var}_i(W_i)}{m}

    with :math:`V_j` and :math:`W_i` the means of the bracket over i and over j; the error is 0 for single numbers.

    References:
        DeLong, DeLong & Clarke-Pearson 1988; in O(n log n): Sun & Xu 2014.

    Args:
        first: x.  # [m]
        second: y.  # [n]
    """
    above, below = placements(second, first), 1 - placements(first, second)
    several = min(len(above), len(below)) > 1
    return float(above.mean()), sqrt(float(above.var() / len(above) + below.var() / len(below))) if several else 0.0


def rank_deviation(first: Tensor, second: Tensor) -> float:
    r"""The standard deviation of :func:`superiority` where both samples are of one distribution.

    .. math:: \sigma^2 = \frac{1}{12mn}\Bigl((N+1) - \frac{\sum_t (t^3 - t)}{N(N-1)}\Bigr), \quad N = m + n

    with t the sizes of ties.

    References:
        Mann & Whitney 1947; ties: Lehmann 1975, "Nonparametrics", section 1.4.
    """
    m, n = len(first), len(second)
    sizes = torch.cat([first, second]).unique(return_counts=True)[1].double()
    ties = float((sizes**3 - sizes).sum()) / ((m + n) * (m + n - 1))
    return sqrt(max(0.0, m + n + 1 - ties) / (12 * m * n))


def superiority_interval(value: float, m: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    r"""A probability of superiority that samples of m and n give, with a score interval.

    .. math:: (\hat\theta-\theta)^2 = z^2\,\theta(1-\theta)
        \frac{1 + n^*\bigl(\frac{1-\theta}{2-\theta}+\frac{\theta}{1+\theta}\bigr)}{mn}, \quad n^* = \tfrac{m+n}{2}-1

    The two solutions θ bound the interval, which is not empty even where one sample lies above the other.

    References:
        Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic, part 2",
        method 5; the variance: Hanley & McNeil 1982.
    """
    z, equal = normal_quantile(confidence), (m + n) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + equal * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (value - theta) ** 2 - z * z * theta * (1 - theta) * spread / (m * n)

    low, room = _crossing(excess, value), _crossing(lambda theta: excess(1 - theta), 1 - value)
    return Interval(value, low, 1 - room)


def probability_better(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Probability that a trial of ``a`` comes out below one of ``b``, a tie counting half; see the interval above.

    Example:
        >>> [round(number, 2) for number in probability_better([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])]
        [1.0, 0.64, 1.0]
    """
    if not a or not b:
        raise ValueError("no trials")
    value = superiority(*(torch.tensor(each, dtype=torch.float64) for each in (a, b)))[0]
    return superiority_interval(value, len(a), len(b))


def _crossing(excess: Callable[[float], float], high: float) -> float:
    """Where a function that is positive at 0 first crosses 0 on the way to ``high``; 0 if it is nowhere positive."""
    low = 0.0
    for _ in range(60 if excess(low) > 0 else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2 if low else 0.0


def share_deviates(right: Tensor, trials: int, other_right: Tensor, other_trials: int) -> Tensor:
    """z of shares of successes less other shares, with the pooled share in the error; 0 where nothing varies.

    Args:
        right: Successes.  # [K]
        trials: Of each.
        other_right: Successes of the others.  # [K]
        other_trials: Of each.
    """
    right, other_right = right.double(), other_right.double()
    pooled = (right + other_right) / (trials + other_trials)
    error = (pooled * (1 - pooled) * (1 / trials + 1 / other_trials)).sqrt()
    return ((right / trials - other_right / other_trials) / error).nan_to_num(nan=0.0)


def holm(p_values: Tensor) -> Tensor:
    """p-values corrected for their number: the chance of any false alarm among all is kept, whatever they share.  # [K]

    References:
        Holm 1979, "A simple sequentially rejective multiple test procedure".

    Example:
        >>> [round(p, 4) for p in holm(torch.tensor([0.01, 0.04, 0.03], dtype=torch.float64)).tolist()]
        [0.03, 0.06, 0.06]
    """
    ordered, places = p_values.sort(stable=True)
    corrected = (ordered * torch.arange(len(p_values), 0, -1)).clamp(max=1)
    return torch.empty_like(ordered).scatter_(0, places, corrected.cummax(0).values if len(places) else corrected)


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    r"""Jensen–Shannon divergence in nats, 0 to log 2, of shares ``[..., k]``.

    .. math:: \tfrac12\mathrm{KL}(p\Vert m) + \tfrac12\mathrm{KL}(q\Vert m), \qquad m = \tfrac12(p + q)

    References:
        Lin 1991, "Divergence measures based on the Shannon entropy", equation 4.1.

    Example:
        >>> round(float(jensen_shannon(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))), 4)
        0.6931
    """
    p, q = p.double(), q.double()
    m = (p + q) / 2
    terms = torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)
    return terms.sum(-1).clamp(min=0) / 2
