"""Which grey levels, and which differences of grey levels, are neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import course
from belamy.forensics.traces._reduce import grey, shares
from belamy.ranges import Within

_SHOWN = 16
"""Differences up to this many grey levels are drawn."""


class Trace(BaseTrace):
    """Shares of pairs: of neighbouring grey levels, coarsely, and of successive differences, finely.

    Grey levels are cut into even classes, and both orders of a pair count as one. Differences of neighbours, in levels
    of 255, are cut off beyond ``reach``; a pair is a difference and the one next to it in the same direction. Rows and
    columns count together.

    References:
        Grey levels: Haralick 1973, "Textural features for image classification"; on generated images:
        Nataraj et al. 2019, arXiv 1903.06836. Differences: Pevný, Bas, Fridrich 2010, "Steganalysis by subtractive
        pixel adjacency matrix".

    Args:
        levels: Classes of grey levels.
        reach: Largest difference that is told from larger ones, in grey levels.

    Raises:
        UsageError: An option is out of range.
    """

    title = "Neighbouring values"

    def __init__(self, *, levels: int = 8, reach: int = 2) -> None:
        self.levels = Within(2, 64).check("co-occurrence.levels", levels)
        self.reach = Within(1, 16).check("co-occurrence.reach", reach)

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        side = min(shape[1:])
        return None if side >= 3 else f"neighbours of neighbours need 3 pixels a side, these images have {side}"

    def describe(self, values: Tensor) -> Tensor:
        plane = grey(values)
        classes = (plane * self.levels).long().clamp(0, self.levels - 1)
        pairs = torch.cat([(a.minimum(b) * self.levels + a.maximum(b)).flatten(1) for a, b in _neighbours(classes)], 1)
        ordered = torch.ones(self.levels, self.levels).triu().flatten().bool()
        return torch.cat([shares(pairs, self.levels**2)[:, ordered], self._residuals(plane)], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        tables = []
        for values in (real, suspect):
            steps = [_step(a, b).clamp(-_SHOWN, _SHOWN) + _SHOWN for a, b in _neighbours(grey(values))]
            tables.append(shares(torch.cat([step.flatten(1) for step in steps], 1), 2 * _SHOWN + 1) + 1e-7)
        places = range(-_SHOWN, _SHOWN + 1)
        label = "difference of neighbours, in levels of 255"
        return course(tables[0], tables[1], places, self.title, label, "share", log_y=True)

    def _residuals(self, plane: Tensor) -> Tensor:
        """Shares of pairs of successive differences.  # [n, H, W] -> [n, (2 reach + 1)²]"""
        sides = 2 * self.reach + 1
        codes = []
        for axis, (a, b) in zip((2, 1), _neighbours(plane), strict=True):
            step = _step(a, b).clamp(-self.reach, self.reach) + self.reach
            first, second = (step.narrow(axis, start, step.shape[axis] - 1) for start in (0, 1))
            codes.append((first * sides + second).flatten(1))
        return shares(torch.cat(codes, 1), sides**2)


def _neighbours(plane: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each pixel and the one to its right, each pixel and the one below it."""
    return [(plane[:, :, :-1], plane[:, :, 1:]), (plane[:, :-1], plane[:, 1:])]


def _step(a: Tensor, b: Tensor) -> Tensor:
    return ((b - a) * 255).round().long()
