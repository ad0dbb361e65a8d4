"""How many participants a survey needs to find an effect."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

from belamy.errors import UsageError
from belamy.survey.binomial import power
from belamy.survey.design import KINDS

LEVEL = 0.05
EXACT_UP_TO = 4000
"""Trials up to which the exact test is used; beyond, the normal approximation agrees to three digits."""


@dataclass(frozen=True)
class Need:
    """What a survey needs.

    Args:
        answers: Independent answers; for scores, those to each of the two sources.
        inflation: How many times more answers it takes since those of one participant agree.
        participants: People, each with the stated number of trials.
        trials: Of each participant.
        reached: The power with so many participants.
    """

    answers: int
    inflation: float
    participants: int
    trials: int
    reached: float


def need(
    kind: str,
    wanted: float,
    effect: float,
    trials: int,
    agreement: float = 0.05,
    deviation: float = 1.0,
    sources: int = 2,
) -> Need:
    r"""Participants for a two-sided test at 5 % to find an effect with the wanted power.

    Shares (``categorise``, ``choose``, ``rank``) are tested against one half by the exact binomial test, and the effect
    is their distance from it; scores (``mos``) by the difference of two sources' means:

    .. math:: n = \frac{\bigl(z_{1-\alpha/2}/2 + z_{\text{power}}\sqrt{p(1-p)}\bigr)^2}{(p-1/2)^2}, \qquad
        n_{\text{scores}} = \frac{2\,s^2\,(z_{1-\alpha/2}+z_{\text{power}})^2}{\delta^2}.

    Where answers of one participant correlate by ρ, it takes 1 + (m - 1)ρ times as many for m trials each.

    References:
        The sample size of a share: Fleiss, Levin & Paik 2003, equation 2.8; the design effect: Kish 1965, section 5.4.

    Args:
        kind: Of the survey.
        wanted: The power, above 0.05 and below 1.
        effect: Distance of a share from 1/2, in (0, 0.5]; or difference of mean scores, in (0, 4].
        trials: Judgements of each participant; for ``rank`` those of one pair are a share of them.
        agreement: ρ, in 0..1.
        deviation: s, the standard deviation of a score.
        sources: How many sources are ranked or scored.

    Raises:
        UsageError: A number out of range.
    """
    _check(kind, wanted, effect, trials, agreement, deviation)
    level, strength = (NormalDist().inv_cdf(share) for share in (1 - LEVEL / 2, wanted))
    if kind == "mos":
        each = max(1, trials // sources)
        answers = ceil(2 * deviation**2 * (level + strength) ** 2 / effect**2)
    else:
        each = max(1, trials * 2 // (sources * (sources - 1))) if kind == "rank" else trials
        answers = least_trials(0.5 + effect, wanted)
    inflation = 1 + (each - 1) * agreement
    participants = ceil(answers * inflation / each)
    held = participants * each / inflation
    if kind == "mos":
        reached = NormalDist().cdf(effect / (deviation * sqrt(2 / held)) - level)
    else:
        reached = _power(int(held + 1e-9), 0.5 + effect)
    return Need(answers, inflation, participants, trials, reached)


def least_trials(chance: float, wanted: float) -> int:
    """Trials from which on the test has the wanted power; the exact test's power rises in a zigzag."""
    count = approximate(chance, wanted)
    if count > EXACT_UP_TO:
        return count
    last = ceil(1.3 * count) + 40
    while last > 1 and power(last - 1, chance, LEVEL) >= wanted:
        last -= 1
    return last


def approximate(chance: float, wanted: float) -> int:
    """Trials by the normal approximation."""
    level, strength = (NormalDist().inv_cdf(share) for share in (1 - LEVEL / 2, wanted))
    return ceil((level / 2 + strength * sqrt(chance * (1 - chance))) ** 2 / (chance - 0.5) ** 2)


def _power(trials: int, chance: float) -> float:
    if trials <= 2 * EXACT_UP_TO:
        return power(trials, chance, LEVEL)
    level = NormalDist().inv_cdf(1 - LEVEL / 2)
    return NormalDist().cdf(((chance - 0.5) * sqrt(trials) - level / 2) / sqrt(chance * (1 - chance)))


def _check(kind: str, wanted: float, effect: float, trials: int, agreement: float, deviation: float) -> None:
    if kind not in KINDS:
        raise UsageError(f"There is no kind of survey '{kind}'. Known: {', '.join(KINDS)}.")
    if not LEVEL < wanted < 1:
        raise UsageError(f"--power is {wanted:g}, but it must be above {LEVEL} and below 1, e.g. 0.8.")
    most = 4.0 if kind == "mos" else 0.5
    if not 0.005 <= effect <= most:
        what = "a difference of mean scores" if kind == "mos" else "a share's distance from 1/2"
        raise UsageError(f"--effect is {effect:g}, but it is {what}, in 0.005..{most:g}.")
    if trials < 1 or not 0 <= agreement <= 1 or not 0 < deviation < 4:
        raise UsageError(
            f"--trials is {trials}, --agreement {agreement:g} and --deviation {deviation:g}, but they must be at least "
            "1, in 0..1 and between 0 and 4."
        )
