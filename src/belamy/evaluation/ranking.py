"""How well a score ranks suspects above real images: ROC, its area, average precision, accuracy at a false-alarm rate.

Scores are float64, higher is more suspicious. ``real`` and ``suspect`` are always the scores of images that took no
part in making the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, log, sqrt

import torch
from torch import Tensor

from belamy.evaluation.intervals import normal_quantile, percentiles, wilson
from belamy.evaluation.statistics import Interval
from belamy.evaluation.two_samples import superiority, superiority_interval
from belamy.seeds import generator

REPLICATES = 500


@dataclass(frozen=True)
class Operating:
    """What a threshold achieves.

    Args:
        stated: The false-alarm rate that was asked for.
        threshold: Scores above it are called generated.
        false_alarms: Share of real images above it, with a 95 % interval (Wilson).
        hits: Share of suspects above it.
        accuracy: Mean of hits and of correct passes: accuracy where both kinds are equally frequent.
    """

    stated: float
    threshold: float
    false_alarms: Interval
    hits: Interval
    accuracy: Interval


def auroc(real: Tensor, suspect: Tensor) -> float:
    r"""Probability that a suspect scores above a real image, a tie counting half.

    .. math:: \hat\theta = \frac{1}{mn} \sum_{ij} \Bigl([r_i < s_j] + \tfrac12 [r_i = s_j]\Bigr)

    References:
        Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve".

    Example:
        >>> auroc(torch.tensor([0.1, 0.4]), torch.tensor([0.4, 0.8]))
        0.875
    """
    return superiority(real, suspect)[0]


def auroc_interval(real: Tensor, suspect: Tensor) -> Interval:
    """The area under the ROC curve with a 95 % interval, by DeLong's variance on the logit scale.

    The interval is over the drawing of both kinds of images, with the score held fixed. Near 0 and 1 the variance says
    too little, and at both ends it is 0: the interval is made to hold what Hanley and McNeil's variance allows to a
    score that is at the end.

    References:
        See :func:`belamy.evaluation.two_samples.superiority`; perfect separation: Newcombe 2006, part 2, method 5.
    """
    value, error = superiority(real, suspect)
    low = high = value
    if 0 < value < 1 and error:
        centre, spread = log(value / (1 - value)), normal_quantile() * error / (value * (1 - value))
        low, high = _logistic(centre - spread), _logistic(centre + spread)
    most = superiority_interval(1.0, len(real), len(suspect)).low
    return Interval(value, min(low, most), max(high, 1 - most))


def roc_curve(real: Tensor, suspect: Tensor) -> tuple[Tensor, Tensor]:
    """False alarms and hits of every threshold, from (0, 0) to (1, 1).  # [t], [t]

    Example:
        >>> roc_curve(torch.tensor([0.0, 1.0]), torch.tensor([2.0]))
        (tensor([0.0000, 0.0000, 0.5000, 1.0000], dtype=torch.float64), tensor([0., 1., 1., 1.], dtype=torch.float64))
    """
    alarms, hits = _counts(real, suspect)
    start = torch.zeros(1, dtype=torch.float64)
    return torch.cat([start, alarms / len(real)]), torch.cat([start, hits / len(suspect)])


def average_precision(real: Tensor, suspect: Tensor) -> float:
    r"""Mean precision over the suspects as the threshold falls; it depends on how many of each kind there are.

    .. math:: \mathrm{AP} = \sum_k (R_k - R_{k-1})\, P_k

    Example:
        >>> average_precision(torch.tensor([0.1, 0.4]), torch.tensor([0.35, 0.8]))
        0.8333333333333333
    """
    alarms, hits = _counts(real, suspect)
    return float(_precision(alarms[None], hits[None]))


def average_precision_interval(real: Tensor, suspect: Tensor, seed: int = 0) -> Interval:
    r"""Average precision with a 95 % interval: percentiles of a bootstrap over the images of both kinds.

    A bootstrap cannot see beyond perfect separation; there the lower limit is the average precision that would be left
    if the share of real images which may stand unseen above all suspects, :math:`1 - 0.025^{1/m}`, did stand there.
    """
    value = average_precision(real, suspect)
    if value == 1.0:
        hidden = len(real) * (1 - 0.025 ** (1 / len(real)))
        place = torch.arange(1, len(suspect) + 1, dtype=torch.float64)
        return Interval(value, float((place / (place + hidden)).mean()), 1.0)
    scores = torch.cat([real, suspect])
    order = scores.argsort(descending=True, stable=True)
    ends = _ends(scores[order])
    drawn = [_drawn(len(kind), seed, stream) for kind, stream in ((real, "ap-real"), (suspect, "ap-suspect"))]
    nothing = [torch.zeros_like(each) for each in drawn]
    alarms = torch.cat([drawn[0], nothing[1]], 1)[:, order].cumsum(1)
    hits = torch.cat([nothing[0], drawn[1]], 1)[:, order].cumsum(1)
    found = _precision(alarms[:, ends], hits[:, ends])
    return percentiles(value, found.tolist())


def threshold(calibration: Tensor, rate: float) -> float:
    r"""The score above which a fresh real image lies with probability at most ``rate``.

    The k-th smallest of n calibration scores, :math:`k = \lceil (n+1)(1-\alpha) \rceil`; infinite where n is too small
    for the rate.

    References:
        Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world" (conformal prediction).

    Args:
        calibration: Scores of real images that took no part in making the score.
        rate: False-alarm rate, in (0, 1).
    """
    place = ceil((len(calibration) + 1) * (1 - rate) - 1e-9)
    return float(calibration.sort().values[place - 1]) if place <= len(calibration) else float("inf")


def operating(calibration: Tensor, real: Tensor, suspect: Tensor, rate: float) -> Operating:
    """What the threshold for a false-alarm rate achieves on images that it was not chosen on.

    Args:
        calibration: Real images' scores, from which the threshold is taken.
        real: Other real images' scores.
        suspect: Suspects' scores.
        rate: False-alarm rate, in (0, 1).
    """
    limit = threshold(calibration, rate)
    alarms, hits = (wilson(int((kind > limit).sum()), len(kind)) for kind in (real, suspect))
    value = (hits.value + 1 - alarms.value) / 2
    down = sqrt((hits.value - hits.low) ** 2 + (alarms.high - alarms.value) ** 2) / 2
    up = sqrt((hits.high - hits.value) ** 2 + (alarms.value - alarms.low) ** 2) / 2
    return Operating(rate, limit, alarms, hits, Interval(value, value - down, value + up))


def _counts(real: Tensor, suspect: Tensor) -> tuple[Tensor, Tensor]:
    """Real images and suspects at or above each distinct score, from the highest.  # [t], [t] float64"""
    scores = torch.cat([real, suspect]).double()
    order = scores.argsort(descending=True, stable=True)
    of_suspect = order >= len(real)
    ends = _ends(scores[order])
    return (~of_suspect).double().cumsum(0)[ends], of_suspect.double().cumsum(0)[ends]


def _ends(ordered: Tensor) -> Tensor:
    """The last place of each run of equal scores."""
    return torch.cat([ordered[1:] != ordered[:-1], torch.ones(1, dtype=torch.bool)]).nonzero().flatten()


def _precision(alarms: Tensor, hits: Tensor) -> Tensor:
    """Average precision of each row of cumulative counts.  # [b, t] -> [b]"""
    new = torch.diff(hits, dim=1, prepend=torch.zeros_like(hits[:, :1]))
    return (new * hits / (hits + alarms).clamp_min(1)).sum(1) / hits[:, -1]


def _drawn(count: int, seed: int, stream: str) -> Tensor:
    """How often each of ``count`` images is drawn, with replacement.  # [REPLICATES, count] float64"""
    chosen = torch.randint(count, (REPLICATES, count), generator=generator(seed, stream))
    once = torch.ones(REPLICATES, count, dtype=torch.float64)
    return torch.zeros_like(once).scatter_add_(1, chosen, once)


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > -700 else 0.0
