"""Whether generated images are nearer to training images than those are to each other."""

from __future__ import annotations

from typing import ClassVar

import torch

from belamy.evaluation.intervals import wilson
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.evaluation.two_samples import share_deviates


class Metric(SidedMetric):
    r"""Share of the generated images that are authentic, beside that of real images that were not learned from.

    .. math:: \frac1m\sum_j\bigl[\lVert f_j - t(f_j)\rVert > \lVert t(f_j) - t'(t(f_j))\rVert\bigr]

    with t(f) the nearest training image and t' the nearest other one of that. Even honest images reach no particular
    number: ``authenticity-held-out`` is what real images reach that the generator has not seen, and ``authenticity-p``
    the probability of a share as low as that of the generated images, or lower, if they were as authentic as these
    (one-sided z-test of two shares, the pooled share in its error).

    A generator whose images vary too little comes out low although it copies nothing: look at the pictures of
    ``neighbours`` and at recall.

    The intervals are of the shares among further images, with the training images fixed.

    References:
        Alaa et al. 2022, arXiv 2102.08921.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self) -> None:
        self.sides: Sides[dict[str, tuple[int, int]]] = Sides()

    def compute(self) -> dict[str, float]:
        found = {name: each.value for name, each in self.intervals().items()}
        if "authenticity-held-out" in found:
            (right, trials), (others, count) = (self.sides.once(self._counts)[side] for side in ("fake", "real"))
            z = share_deviates(torch.tensor(right), trials, torch.tensor(others), count)
            found["authenticity-p"] = float(torch.special.ndtr(z))
        return found

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if self.sides.count("train") < 2 or not self.sides.count("fake"):
            return {}
        counts = self.sides.once(self._counts)
        found = {"authenticity": wilson(*counts["fake"])}
        if "real" in counts:
            found["authenticity-held-out"] = wilson(*counts["real"])
        return found

    @property
    def notes(self) -> list[str]:
        if self.sides.count("train") < 2:
            return ["Authenticity needs at least 2 images that were learned from."]
        if not self.sides.count("real"):
            return ["Authenticity means little without real images that were not learned from beside it."]
        return []

    def _counts(self) -> dict[str, tuple[int, int]]:
        """How many are authentic, and of how many, on each side."""
        train = self.sides.table("train")
        sides = [side for side in ("fake", "real") if self.sides.count(side)]
        found = {side: nearest(self.sides.table(side), train) for side in sides}
        used, places = torch.cat([found[side].indices[:, 0] for side in sides]).unique(return_inverse=True)
        alone = nearest(train[used], train, 2).distances[:, 1][places]
        counts = {}
        for side, own in zip(sides, alone.split([len(found[side].distances) for side in sides]), strict=True):
            counts[side] = (int((found[side].distances[:, 0] > own).sum()), len(own))
        return counts
