"""Statistics of repeated trials: distributions, not the best alone.

A trial that failed counts as worse than any number: it is infinite. Lower is better throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb, inf, isfinite, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from belamy.seeds import generator


class Interval(NamedTuple):
    """A number and the interval of 95 % about it."""

    value: float
    low: float
    high: float


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of values that may be infinite, by linear interpolation.

    References:
        Hyndman & Fan 1996, definition 7.

    Example:
        >>> quantile([1.0, 2.0, 4.0], 0.75)
        3.0
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    place = share * (len(ordered) - 1)
    below, rest = int(place), place - int(place)
    if not rest:
        return ordered[below]
    return ordered[below] + rest * (ordered[below + 1] - ordered[below]) if isfinite(ordered[below + 1]) else inf


def best_of(values: Sequence[float]) -> list[float]:
    r"""Expected lowest of k trials drawn from these without replacement, for k = 1 … n.

    .. math:: \mathbb{E}[\min] = \sum_i x_{(i)} \binom{n-i}{k-1} \Big/ \binom{n}{k}

    It is infinite for k up to the number of failures, since all k may have failed.

    References:
        The budget curve: Lucic et al. 2018, arXiv 1711.10337, figure 4; the estimator: Dodge et al. 2019,
        arXiv 1909.03004, section 3, here without replacement and so unbiased.

    Example:
        >>> best_of([3.0, 1.0, 2.0])
        [2.0, 1.3333333333333333, 1.0]
    """
    ordered, n = sorted(values), len(values)
    expected = []
    for k in range(1, n + 1):
        weighed = [(x, comb(n - rank, k - 1) / comb(n, k)) for rank, x in enumerate(ordered, start=1)]
        expected.append(sum(x * weight for x, weight in weighed if weight))
    return expected


def concordance(table: Sequence[Sequence[float]]) -> float | None:
    r"""Kendall's W of rankings, one row per judge: 1 if all agree, 0 if they contradict each other entirely.

    .. math:: W = \frac{12 \sum_j (R_j - \bar R)^2}{m^2(n^3-n) - m\sum T}, \qquad T = \sum (t^3 - t)

    with t the sizes of a row's ties. None where there is nothing to agree on.

    References:
        Kendall & Babington Smith 1939, "The problem of m rankings"; with ties: Kendall 1948, chapter 6.

    Args:
        table: Values of n things by each of m judges; each row is ranked.
    """
    from scipy.stats import rankdata

    m, n = len(table), len(table[0]) if table else 0
    if m < 2 or n < 2:
        return None
    ranked = [rankdata(row).tolist() for row in table]
    sums = [sum(column) for column in zip(*ranked, strict=True)]
    spread = sum((total - m * (n + 1) / 2) ** 2 for total in sums)
    ties = sum(row.count(value) ** 3 - row.count(value) for row in table for value in set(row))
    most = m * m * (n**3 - n) - m * ties
    return 12 * spread / most if most > 0 else None


def rank_shares(trials: Mapping[str, Mapping[int, Sequence[float]]], repeats: int = 2000) -> dict[str, list[float]]:
    """How often each name takes each place when the seeds are drawn anew, with replacement.

    Names are placed by the median of their trials; a shared place counts for each by halves, thirds …

    Args:
        trials: Values by name and by seed; every name has the same seeds.
        repeats: How many times the seeds are drawn.

    Returns:
        By name, the share of first, second … places.
    """
    names = list(trials)
    seeds = list(next(iter(trials.values()))) if trials else []
    draws = torch.randint(len(seeds), (repeats, len(seeds)), generator=generator(0, "bootstrap-seeds"))
    shares = torch.zeros(len(names), len(names), dtype=torch.float64)
    for chosen in draws.tolist():
        medians = [quantile([x for at in chosen for x in trials[name][seeds[at]]], 0.5) for name in names]
        shares += _places(medians)
    return {name: (row / repeats).tolist() for name, row in zip(names, shares, strict=True)}


def _places(values: Sequence[float]) -> Tensor:
    """Share of each place ``[n, n]`` that each value takes; equals share theirs."""
    table = torch.zeros(len(values), len(values), dtype=torch.float64)
    for row, x in enumerate(values):
        before, equal = sum(y < x for y in values), sum(y == x for y in values)
        table[row, before : before + equal] = 1 / equal
    return table


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float] | None:
    """Mean and standard deviation (divisor n - 1) of the finite values; None if there are none."""
    finite = [x for x in values if isfinite(x)]
    if not finite:
        return None
    mean = sum(finite) / len(finite)
    return mean, sqrt(sum((x - mean) ** 2 for x in finite) / (len(finite) - 1)) if len(finite) > 1 else 0.0
