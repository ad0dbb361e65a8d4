"""Whether only 256 values are used, as a camera or a scanner does and a network does not."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution
from belamy.ranges import Within

_ROUNDING = 1e-6
"""Float32 values up to 1 are known to 6e-8; a few operations on them leave less than this."""


class Trace(BaseTrace):
    r"""How far values lie from the nearest of evenly spaced levels.

    .. math:: d = |v(L-1) - \mathrm{round}(v(L-1))| \in [0, \tfrac12]

    Of each image: the share of values off every level, and the mean distance, a quarter where values know nothing of
    levels. Both are 0 where values were rounded, so that it tells nothing then.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (the defence is a generator that samples 256 values).

    Args:
        levels: L, how many values the real images use.

    Raises:
        UsageError: An option is out of range.
    """

    title = "Distance to the 256 levels"
    quantised = False

    def __init__(self, *, levels: int = 256) -> None:
        self.levels = Within(2, 65536).check("discrete-support.levels", levels)

    def describe(self, values: Tensor) -> Tensor:
        distance = self._distances(values)
        return torch.stack([(distance > 0).double().mean(1), distance.mean(1)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        means = [self._distances(values).mean(1) for values in (real, suspect)]
        return distribution(means[0], means[1], self.title, "mean distance of an image's values, in levels")

    def _distances(self, values: Tensor) -> Tensor:
        """Of each value; 0 for float32's nearest to a level.  # [n, C, H, W] -> [n, m]"""
        scaled = values.double().flatten(1) * (self.levels - 1)
        distance = (scaled - scaled.round()).abs()
        return torch.where(distance > _ROUNDING * self.levels, distance, 0.0)
