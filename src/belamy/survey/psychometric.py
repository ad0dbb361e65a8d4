"""How judgement grows with exposure: a curve through the shares at each exposure, and the exposure for 75 %."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING

from belamy.evaluation.intervals import percentiles
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator
from belamy.survey.clusters import expanded

if TYPE_CHECKING:
    from torch import Tensor

GUESS, LAPSE = 0.5, 0.02
"""The share of right answers without seeing, and of errors for other reasons; both are fixed."""
LEVELS = 3
"""Exposures that a curve needs at least."""
REPEATS = 500
_MIDDLES, _SLOPES = 241, 41


@dataclass(frozen=True)
class Curve:
    """The fitted curve.

    Args:
        threshold: Milliseconds half way from guessing to certainty, where about 75 % are right, with the interval over
            participants.
        slope: Of the logistic function, in units of the exposure's logarithm.
        within: Whether the threshold lies between the shortest and the longest exposure; a threshold beyond them says
            no more than on which side it is.
    """

    threshold: Interval
    slope: float
    within: bool

    def share(self, exposure: float) -> float:
        """The share of right answers at an exposure in ms."""
        steepness = self.slope * (log(exposure) - log(self.threshold.value))
        return GUESS + (1 - GUESS - LAPSE) / (1 + exp(-steepness))


def fit(right: Tensor, trials: Tensor, exposures: list[int], seed: int = 0) -> Curve | None:
    r"""The curve of the highest likelihood, on a grid of thresholds and slopes.

    .. math:: p(t) = \gamma + (1-\gamma-\lambda)\,\sigma\bigl(\beta(\ln t-\ln \alpha)\bigr), \qquad
        \gamma = \tfrac12,\ \lambda = 0.02

    The grid's thresholds are 3 % apart and reach from a quarter of the shortest to four times the longest exposure. The
    interval is that of the threshold when participants are drawn anew.

    References:
        Wichmann & Hill 2001, "The psychometric function I", equation 1.

    Args:
        right: Right answers by participant and exposure.  # [participants, levels]
        trials: Answers by participant and exposure.  # [participants, levels]
        exposures: In ms, rising.

    Returns:
        None where there are too few exposures, or no more right answers than by guessing.
    """
    import torch

    if len(exposures) < LEVELS or float(right.sum()) <= GUESS * float(trials.sum()):
        return None
    times = torch.tensor(exposures, dtype=torch.float64).log()
    middles = torch.linspace(float(times[0]) - log(4), float(times[-1]) + log(4), _MIDDLES, dtype=torch.float64)
    slopes = torch.logspace(-0.5, 1.2, _SLOPES, dtype=torch.float64)
    rise = (slopes[None, :, None] * (times[None, None, :] - middles[:, None, None])).sigmoid()
    share = (GUESS + (1 - GUESS - LAPSE) * rise).flatten(0, 1)  # [grid, levels]
    hit, miss = share.log(), (1 - share).log()

    def best(rights: Tensor, wrongs: Tensor) -> Tensor:
        return (rights @ hit.T + wrongs @ miss.T).argmax(-1)  # places in the grid

    found = int(best(right.sum(0), (trials - right).sum(0)))
    threshold = exp(float(middles[found // _SLOPES]))
    people, interval = len(right), Interval(threshold, 0.0, inf)
    if people > 1:
        source = generator(seed, "survey-curve")
        drawn = torch.randint(people, (REPEATS, people), generator=source)
        places = torch.cat([best(right[part].sum(1), (trials - right)[part].sum(1)) for part in drawn.split(50)])
        interval = percentiles(threshold, middles[places // _SLOPES].exp().tolist(), expanded(people))
    return Curve(interval, float(slopes[found % _SLOPES]), exposures[0] <= threshold <= exposures[-1])
