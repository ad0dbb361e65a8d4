"""Are two sets of images from one distribution: p-values that stay honest, and their correction for many tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import asin, copysign, inf, sqrt

import torch
from torch import Tensor

from belamy.evaluation import two_samples

ENOUGH = 25
"""Permutations that do as well as the truth, after which no more are made."""


def sequential_p(observed: float, permuted: Callable[[int, int], Tensor], most: int, block: int = 250) -> float:
    r"""A permutation p-value that stops early where chance often does as well.

    .. math:: p = h / l \text{ if the } h\text{-th exceedance is permutation } l, \qquad
        p = (g + 1) / (B + 1) \text{ with } g < h \text{ exceedances among all } B

    References:
        Besag & Clifford 1991, "Sequential Monte Carlo p-values"; h = 25 here.

    Args:
        observed: The statistic with the true labels.
        permuted: Gives the statistics of a block of permutations, from the block's number and size.
        most: B, permutations at most.
        block: Permutations made at a time.
    """
    exceeded, slack = 0, 1e-12 * (1 + abs(observed))
    for number, start in enumerate(range(0, most, block)):
        above = permuted(number, min(block, most - start)) >= observed - slack
        if exceeded + int(above.sum()) >= ENOUGH:
            place = int(above.nonzero()[ENOUGH - exceeded - 1])
            return ENOUGH / (start + place + 1)
        exceeded += int(above.sum())
    return (exceeded + 1) / (most + 1)


def rank_p(real: Tensor, suspect: Tensor) -> float:
    """Probability that an area under the ROC curve as large comes about by chance, for a score that was fixed before.

    References:
        Mann & Whitney 1947: the normal limit of the permutation distribution, with ties.
    """
    from scipy.stats import mannwhitneyu

    if not bool((torch.cat([real, suspect]) != real[0]).any()):
        return 1.0
    return float(mannwhitneyu(suspect, real, alternative="greater", method="asymptotic").pvalue)


def twice_the_mean(p_values: Sequence[float]) -> float:
    """One valid p-value from several, however they depend on each other: twice their mean.

    The folds of a cross-fitted score share training images, so their p-values are dependent in an unknown way.

    References:
        Rüschendorf 1982; Vovk & Wang 2020, "Combining p-values via averaging", arXiv 1212.4966, table 1.

    Example:
        >>> twice_the_mean([0.25, 0.125])
        0.375
    """
    return min(1.0, 2 * sum(p_values) / len(p_values))


def share_p(broken: int, total: int, real_broken: int, real_total: int) -> float:
    """Probability that so many of the broken ones fall to the suspects by chance: Fisher's exact test, one-sided.

    References:
        Fisher 1935, "The logic of inductive inference".

    Example:
        >>> round(share_p(3, 4, 1, 4), 6)  # the lady tasting tea
        0.242857
    """
    from scipy.stats import hypergeom

    return float(hypergeom.sf(broken - 1, total + real_total, broken + real_broken, total))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values by name, corrected for their number; see :func:`belamy.evaluation.two_samples.holm`."""
    found = two_samples.holm(torch.tensor(list(p_values.values()), dtype=torch.float64))
    return dict(zip(p_values, found.tolist(), strict=True))


def effect_size(real: Tensor, suspect: Tensor) -> float:
    r"""Difference of the means in units of the common deviation, corrected for few images: Hedges' g.

    .. math:: g = \Bigl(1 - \frac{3}{4(m+n)-9}\Bigr)\frac{\bar s - \bar r}{s_p}

    References:
        Hedges 1981, "Distribution theory for Glass's estimator of effect size".
    """
    m, n = len(real), len(suspect)
    pooled = sqrt(float((m - 1) * real.double().var() + (n - 1) * suspect.double().var()) / (m + n - 2))
    gap = float(suspect.double().mean() - real.double().mean())
    if not pooled:
        return copysign(inf, gap) if gap else 0.0
    return (1 - 3 / (4 * (m + n) - 9)) * gap / pooled


def share_effect(share: float, real_share: float) -> float:
    r"""Difference of two shares on a scale where it is equally hard to see everywhere: Cohen's h.

    .. math:: h = 2 \arcsin\sqrt{p} - 2 \arcsin\sqrt{q}

    References:
        Cohen 1988, "Statistical power analysis for the behavioral sciences", chapter 6.
    """
    return 2 * asin(sqrt(share)) - 2 * asin(sqrt(real_share))
