"""Answers are not independent: those of one participant agree, and so do those about one item.

Participants (and items) are a sample; what is asked is how the number would come out with others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from belamy.evaluation.intervals import percentiles, student_quantile
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

if TYPE_CHECKING:
    from torch import Tensor

REPEATS = 2000


def share_over_participants(right: Sequence[float], trials: Sequence[float]) -> Interval:
    """A share with the interval that it has when participants are drawn anew, with all their answers.

    The percentiles are those of the expanded interval, which is as wide as Student's for few participants.

    References:
        Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3 (expanded percentiles).

    Args:
        right: Successes of each participant.
        trials: Trials of each participant.
    """
    import torch

    table = torch.tensor([list(right), list(trials)], dtype=torch.float64)  # [2, participants]
    return over_participants(lambda sums: sums[0] / sums[1], table)


def over_participants(statistic: Callable[[Tensor], Tensor], table: Tensor, seed: int = 0) -> Interval:
    """A number computed from sums over participants, with its expanded bootstrap interval.

    Args:
        statistic: From sums ``[k, draws]`` to a number for each draw.
        table: What is summed, a column for each participant.  # [k, participants]
        seed: Of the drawing.
    """
    import torch

    people = table.shape[1]
    value = float(statistic(table.sum(1, keepdim=True))[0])
    if people < 2:
        return Interval(value, -inf, inf)
    picked = torch.randint(people, (REPEATS, people), generator=generator(seed, "survey-bootstrap"))
    once = torch.ones_like(picked, dtype=table.dtype)
    weights = torch.zeros_like(once).scatter_add_(1, picked, once)
    return percentiles(value, statistic(table @ weights.T).tolist(), expanded(people))


def expanded(people: int) -> float:
    """The share of bootstrap draws that an interval must hold, for so many participants.

    .. math:: 1 - 2\\Phi\\bigl(-\\sqrt{n/(n-1)}\\; t_{n-1}\\bigr)

    Example:
        >>> round(expanded(10), 4), round(expanded(1000), 4)
        (0.9829, 0.9504)
    """
    reach = sqrt(people / (people - 1)) * student_quantile(people - 1)
    return 1 - 2 * NormalDist().cdf(-reach)


def mean_over(values: Sequence[float], *clusters: Sequence[int]) -> Interval:
    r"""A mean of answers that agree within clusters: participants, items, or both.

    .. math:: V_c = \frac{g}{g-1}\,\frac{1}{N^2}\sum_{\text{clusters}}
        \Bigl(\sum_{k \in \text{cluster}} (x_k-\bar x)\Bigr)^2, \qquad V = V_1 + V_2 - V_{1\cap2}

    and Student's quantile with g - 1 degrees of freedom for the smaller of the numbers of clusters g.

    References:
        Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering", equations 2.3 and 2.9.

    Args:
        values: The answers.
        clusters: Of each answer its cluster: one sequence, or two that cross.
    """
    count = len(values)
    mean = sum(values) / count
    rest = [value - mean for value in values]
    least = min(len(set(each)) for each in clusters)
    if least < 2:
        return Interval(mean, -inf, inf)
    parts = [_variance(rest, each) for each in clusters]
    variance = sum(parts)
    if len(clusters) == 2:
        variance = max(variance - _variance(rest, list(zip(*clusters, strict=True))), *parts)
    reach = student_quantile(least - 1) * sqrt(variance)
    return Interval(mean, mean - reach, mean + reach)


def _variance(rest: Sequence[float], cluster: Sequence[object]) -> float:
    sums: dict[object, float] = {}
    for value, each in zip(rest, cluster, strict=True):
        sums[each] = sums.get(each, 0.0) + value
    groups = len(sums)
    return groups / (groups - 1) * sum(value * value for value in sums.values()) / len(rest) ** 2
