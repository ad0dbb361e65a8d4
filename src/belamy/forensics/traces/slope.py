"""How the light of the columns rises and falls from left to right."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution
from belamy.forensics.traces._reduce import moments
from belamy.forensics.traces.centroid import centroids

WINDOW = 7


class Trace(BaseTrace):
    r"""The slope of a line through the centroids of seven columns, at every place, and the moments of these slopes.

    .. math:: s_x = \sum_{i=-3}^{3} i\,c_{x+i} \Big/ \sum_{i=-3}^{3} i^2

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (spectral slope).
    """

    title = "Slopes of centroids"

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape[2] >= WINDOW else f"a slope needs {WINDOW} columns, these images have {shape[2]}"

    def describe(self, values: Tensor) -> Tensor:
        found = slopes(centroids(values))
        return torch.cat([found, moments(found)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        spread = [slopes(centroids(values)).std(1, unbiased=False) for values in (real, suspect)]
        return distribution(spread[0], spread[1], self.title, "standard deviation of an image's slopes")


def slopes(heights: Tensor) -> Tensor:
    """Least-squares slopes over windows of seven, one place apart.  # [n, W] -> [n, W - 6]"""
    place = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    return heights.double().unfold(1, WINDOW, 1) @ place / place.square().sum()
