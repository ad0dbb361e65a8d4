"""The exact binomial test, its tails and its power."""

from __future__ import annotations


def p_value(right: int, trials: int, chance: float = 0.5) -> float:
    """The two-sided exact binomial test: probability of all that is no likelier than what was seen.

    Example:
        >>> round(p_value(8, 10), 6)
        0.109375
    """
    from scipy.stats import binomtest

    return float(binomtest(right, trials, chance).pvalue)


def tail(least: int, trials: int, chance: float) -> float:
    """The probability of so many successes or more.

    Example:
        >>> tail(2, 2, 0.5)
        0.25
    """
    from scipy.special import bdtrc

    return 1.0 if least <= 0 else float(bdtrc(least - 1, trials, chance))


def power(trials: int, chance: float, level: float = 0.05) -> float:
    """How often the two-sided exact test of 1/2 finds what it looks for, if the chance of a success is ``chance``.

    Example:
        >>> round(power(100, 0.6), 4)
        0.4621
    """
    import numpy as np
    from scipy.special import bdtr

    tails = bdtr(np.arange(trials + 1), trials, 0.5)
    rejected = int((2 * tails <= level).sum())  # 0 … rejected - 1 successes, and as many from the other end
    return float(bdtr(rejected - 1, trials, chance)) + tail(trials + 1 - rejected, trials, chance) if rejected else 0.0
