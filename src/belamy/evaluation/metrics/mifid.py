"""The Fréchet distance, made worse where images are nearer to training images than unseen real ones are."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.gaussians import distance
from belamy.evaluation.intervals import mean
from belamy.evaluation.moments import Moments
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval

_ZERO = 1e-15
"""A memorisation distance that is rounding: what the competition added to it."""


class Metric(SidedMetric):
    r"""Memorisation-informed Fréchet distance: divided by the share that the memorisation distance is of ε.

    .. math:: m = \frac1m\sum_j \min_i \bigl(1 - |\cos(f_j, t_i)|\bigr), \qquad
        \mathrm{MiFID} = \mathrm{FD} \cdot \begin{cases}\varepsilon/m & m < \varepsilon \\ 1 & \text{else}\end{cases}

    The mean is over generated images; over training images, as some programs take it, five memorised images would go
    unpunished.

    *Departs from the paper*: there the factor is 1/m below a threshold that was set by hand for one competition's data.
    Here ε is by default ``memorisation-held-out``, the same mean over unseen real images, and the factor has no jump.
    The Fréchet distance is to the images compared with, as in ``frechet``.

    The intervals are of the mean distances, with the training images fixed; the product has none.

    References:
        Bai et al. 2021, arXiv 2106.03062.

    Args:
        epsilon: ε; none for that of the held-out images.

    Raises:
        UsageError: ε is not between 0 and 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, *, epsilon: float | None = None) -> None:
        if epsilon is not None and not 0 < epsilon <= 1:
            raise UsageError(f"mifid.epsilon is {epsilon}, but a cosine distance is between 0 and 1.")
        self.epsilon = epsilon
        self.sides: Sides[dict[str, Tensor]] = Sides()

    def compute(self) -> dict[str, float]:
        found = {name: each.value for name, each in self.intervals().items()}
        epsilon = self.epsilon or found.get("memorisation-held-out")
        if found and epsilon is not None and min(self.sides.count(side) for side in ("real", "fake")) > 1:
            penalty = max(1.0, epsilon / max(found["memorisation"], _ZERO))
            real, fake = (Moments.of(self.sides.table(side)) for side in ("real", "fake"))
            found["mifid"] = distance(real, fake) * penalty
        return found

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.sides.count("train") or not self.sides.count("fake"):
            return {}
        found = self.sides.once(self._distances)
        names = {"fake": "memorisation", "real": "memorisation-held-out"}
        return {names[side]: mean(each) for side, each in found.items()}

    @property
    def notes(self) -> list[str]:
        found = self.compute()
        if "mifid" in found and found["memorisation"] < _ZERO:
            return ["Every generated image points where a training image does: all are copies, or scaled copies."]
        return []

    def _distances(self) -> dict[str, Tensor]:
        train = _unit(self.sides.table("train"))
        sides = [side for side in ("fake", "real") if self.sides.count(side)]
        return {side: cosine_distances(_unit(self.sides.table(side)), train) for side in sides}


def cosine_distances(rows: Tensor, train: Tensor) -> Tensor:
    r"""Of each unit row, :math:`\min_i(1-|\cos|) = \min_i \lVert x \mp t_i\rVert^2/2`: exactly 0 for a copy.  # [n]"""
    ahead, behind = (nearest(sign * rows, train).distances[:, 0] for sign in (1, -1))
    return ahead.minimum(behind).square() / 2


def _unit(rows: Tensor) -> Tensor:
    return rows.double() / rows.double().norm(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
