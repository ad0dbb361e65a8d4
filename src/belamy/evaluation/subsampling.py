"""Errors of numbers that depend on their rows as neighbours do, where drawing rows twice would forge neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt

import torch
from torch import Tensor

from belamy.evaluation.intervals import student_quantile
from belamy.evaluation.rows import placed
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

REPEATS = 20
SHARE = 4
"""One row in so many is drawn."""
LEAST = 10
"""Rows of each set that a draw must have."""


def subsampled(
    values: Mapping[str, float],
    measure: Callable[..., Mapping[str, float]],
    *tables: Tensor,
    seed: int = 0,
) -> dict[str, Interval]:
    r"""Numbers, none below 0, with the intervals that follow from how they vary over quarters of the rows.

    .. math:: \hat\theta \pm t_{19}\sqrt{\frac{b}{n-b}}\;\mathrm{sd}_j\,\theta(\text{draw}_j), \qquad b = n/4

    The quarters are drawn without replacement: equal rows, whose neighbours are at distance 0, would be forged. The
    interval is of the number's expectation at these sample sizes, over draws of all the sets.

    References:
        Shao & Wu 1989, "A general theory for jackknife variance estimation" (delete-d); Politis & Romano 1994, "Large
        sample confidence regions based on subsamples under minimal assumptions".

    Args:
        values: The numbers on all rows.
        measure: Computes them from tables ``[n, d]``.
        tables: The sets of rows; none if one has too few.
        seed: Of the draws.
    """
    if not values or min(len(table) for table in tables) < SHARE * LEAST:
        return {}
    source, ordered, drawn = generator(seed, "subsamples"), [placed(table) for table in tables], []
    for _ in range(REPEATS):
        parts = [table[torch.randperm(len(table), generator=source)[: len(table) // SHARE]] for table in ordered]
        drawn.append(measure(*parts))
    intervals = {}
    for name, value in values.items():
        found = torch.tensor([each[name] for each in drawn if name in each], dtype=torch.float64)
        if len(found) == REPEATS and bool(found.isfinite().all()):
            reach = student_quantile(REPEATS - 1) * float(found.std()) / sqrt(SHARE - 1)
            intervals[name] = Interval(value, max(0.0, value - reach), value + reach)
    return intervals
