"""Whether only 256 values are used, as a camera or a scanner does and a network does not."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from belamy.forensics.traces._charts import distribution


class Trace:
    r"""How far values lie from the nearest of evenly spaced levels.

    .. math:: d = |v(L-1) - \mathrm{round}(v(L-1))| \in [0, \tfrac12]

    Of each image: the share of values off every level, their mean distance (a quarter where values know nothing of
    levels), and the logarithm of how many different values there are. It tells nothing of images that were rounded.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919, section 5 (the defence is a generator that samples 256 values).

    Args:
        levels: L, how many values the real images use.
    """

    title = "Distance to the 256 levels"
    quantised = False
    together = False

    def __init__(self, *, levels: Annotated[int, Field(ge=2)] = 256) -> None:
        self.levels = levels

    def unfit(self, shape: tuple[int, int, int]) -> str | None:
        return None

    def describe(self, values: Tensor) -> Tensor:
        distance = self._distances(values)
        # float32 values up to 1 are known to 6e-8, so that a level is known to 2e-5 of the way to the next
        off = (distance > 1e-3).double().mean(1)
        ordered = values.flatten(1).sort(1).values
        different = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(1).double()
        return torch.stack([off, distance.mean(1), different.log()], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        means = [self._distances(values).mean(1) for values in (real, suspect)]
        return distribution(means[0], means[1], self.title, "mean distance of an image's values, in levels")

    def _distances(self, values: Tensor) -> Tensor:
        scaled = values.double().flatten(1) * (self.levels - 1)
        return (scaled - scaled.round()).abs()
