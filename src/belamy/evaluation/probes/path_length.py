"""Perceptual path length: how fast images change as latents do."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.intervals import about
from belamy.evaluation.probes import check_unrounded, evaluating, perceived
from belamy.evaluation.probes._ways import Ways
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod
from belamy.seeds import generator

PART = 100
"""Ways looked at together."""


class Probe:
    r"""Squared speed, in an extractor's features, of the image on the way between two random latents.

    .. math:: \mathbb{E}\,\frac{1}{\epsilon^2}
        \bigl\lVert f(G(z(t))) - f(G(z(t + \epsilon))) \bigr\rVert^2, \qquad t \sim U[0, 1 - \epsilon]

    where z(t) is the way of the prior of the latents, the label and the noise of both ends are the same, and images are
    never rounded. Lengths outside the 1st and the 99th percentile are left out of the mean; its interval is that of a
    trimmed mean, for other ways of the same generator.

    *Departs from the paper* in the distance: f is the extractor's features, not the weighted features of VGG-16, and
    the number bears the extractor's name. It is comparable with others of that extractor only, and lower is smoother;
    a generator of one image has 0.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 4.1 and equation 2; the interval: Tukey & McLaughlin 1963.

    Args:
        count: Ways.
        epsilon: Length of a step, as a share of a way.
        trim: Share of the lengths that is left out at either end.

    Raises:
        UsageError: An option out of range, a method that draws no samples, or an extractor that rounds pixels.
    """

    needs_extractor = True

    def __init__(self, *, count: int = 2000, epsilon: float = 1e-4, trim: float = 0.01) -> None:
        if not 0 < epsilon <= 0.1 or not 0 <= trim < 0.5:
            raise UsageError(
                f"path-length has epsilon={epsilon:g} and trim={trim:g}, but they must be in (0, 0.1] and [0, 0.5). "
                "Type epsilon=0.0001,trim=0.01."
            )
        self.count, self.epsilon, self.trim = count, epsilon, trim

    def measure(
        self, method: BaseMethod, data: Dataset, extractor: Extractor | None, seed: int = 0
    ) -> dict[str, Interval]:
        assert extractor is not None  # this probe looks
        with evaluating(method):
            lengths = self.lengths(Ways(method, self.count, seed), extractor, seed)
        return {f"path-length-{extractor.name}": trimmed_mean(lengths, self.trim)}

    def lengths(self, ways: Ways, extractor: Extractor, seed: int) -> Tensor:
        """Squared speed on each way.  # [count] float64"""
        t = torch.rand(self.count, generator=generator(seed, "path-length"), dtype=torch.float64) * (1 - self.epsilon)
        found: list[Tensor] = []
        for rows in torch.arange(self.count).split(PART):
            here, there = (ways.images(rows, t[rows] + step) for step in (0.0, self.epsilon))
            if not found:
                check_unrounded(extractor, here)
            step = perceived(extractor, here) - perceived(extractor, there)
            found.append(step.square().sum(1) / self.epsilon**2)
        return torch.cat(found)


def trimmed_mean(values: Tensor, trim: float) -> Interval:
    r"""The mean between the quantiles ``trim`` and 1 - ``trim``, with an interval by their winsorised deviation.

    .. math:: \bar x_g \pm z\,\frac{s_w}{(1 - 2g)\sqrt n}

    References:
        Tukey & McLaughlin 1963, "Less vulnerable confidence and significance procedures for location", section 3.
    """
    low, high = values.quantile(torch.tensor([trim, 1 - trim], dtype=values.dtype))
    kept = values[(values >= low) & (values <= high)]
    error = float(values.clamp(low, high).std()) / ((1 - 2 * trim) * sqrt(len(values)))
    return about(float(kept.mean()), error)
