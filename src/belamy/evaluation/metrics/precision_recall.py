"""How much of what is generated looks real, and how much of what is real is generated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.intervals import wilson
from belamy.evaluation.neighbours import BLOCK, coverings, nearest_within
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.evaluation.subsampling import subsampled

Measure = Callable[..., dict[str, float]]
FEW = 10_000
"""Images of each side from which on the numbers hardly move."""


class ManifoldMetric(SidedMetric):
    """A metric of balls about images, each as wide as its centre's k-th neighbour is far.

    Args:
        name: Of the metric, for messages.
        numbers: What it measures, for notes.
        measure: Computes the numbers from the real and the generated images' features.
        k: Which neighbour's distance is the radius.
    """

    def __init__(self, name: str, numbers: str, measure: Measure, k: int) -> None:
        if k < 1:
            raise UsageError(f"{name}.k is {k}, but there is no such neighbour: write 1 or more.")
        self.numbers, self.measure, self.k = numbers, partial(measure, k=k), k
        self.sides: Sides[dict[str, float]] = Sides()

    def compute(self) -> dict[str, float]:
        enough = self.sides.count("real") > self.k and self.sides.count("fake") > 0
        return dict(self.sides.once(lambda: self.measure(*self._tables()))) if enough else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        values = self.compute()
        return subsampled(values, self.measure, *self._tables(), seed=seed) if values else {}

    @property
    def notes(self) -> list[str]:
        """What is to be said of numbers of manifolds at these counts."""
        numbers, real, fake = self.numbers.capitalize(), self.sides.count("real"), self.sides.count("fake")
        if not self.compute():
            return [f"{numbers} with k = {self.k} need at least {self.k + 1} images on both sides."]
        if min(real, fake) < FEW:
            return [
                f"{numbers} move with N: {min(real, fake):,} are fewer than {FEW:,}; compare at equal N only, and with "
                "the numbers of real images, which do not reach 1 either."
            ]
        return [f"{numbers} move with N, and {real:,} real images are not {fake:,} generated ones."] * (real != fake)

    def _tables(self) -> tuple[Tensor, Tensor]:
        return self.sides.table("real"), self.sides.table("fake")


class Metric(ManifoldMetric):
    r"""Precision and recall of manifolds made of balls, each as wide as its centre's k-th neighbour is far.

    .. math:: \mathrm{precision} = \frac1m \sum_j \bigl[f_j \in \bigcup_i B(r_i, d_k(r_i))\bigr], \qquad
        \mathrm{recall} = \frac1n \sum_i \bigl[r_i \in \bigcup_j B(f_j, d_k(f_j))\bigr], \qquad
        F_1 = \frac{2PR}{P+R}

    with :math:`d_k` the distance to the k-th other image of the same set. Balls are closed, so that images that repeat
    lie in each other's balls of radius 0. ``realism`` is the median over generated images of
    :math:`\max_i d_k(r_i)/\lVert f - r_i\rVert` over the half of the balls that is narrower: 1 or more is inside.

    Two sets of one distribution do not reach 1; the floor of real against real images says what they reach. The
    intervals are of the numbers' expectations at these counts, over draws of both sets.

    References:
        Kynkäänniemi et al. 2019, arXiv 1904.06991, equations 1 and 2.

    Args:
        k: Which neighbour's distance is the radius; 3 in the paper.

    Raises:
        UsageError: ``k`` is less than 1.
    """

    def __init__(self, *, k: int = 3) -> None:
        super().__init__("precision-recall", "precision and recall", measure, k)

    def compute(self) -> dict[str, float]:
        return super().compute() if self.sides.count("fake") > self.k else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        found, counts = super().intervals(seed), {"precision": "fake", "recall": "real", "f1": ""}
        shares = {name: self.sides.count(side) if side else 0 for name, side in counts.items() if name in found}
        return found | {name: as_share(found[name], count) for name, count in shares.items()}


def measure(real: Tensor, fake: Tensor, *, k: int) -> dict[str, float]:
    """The numbers of :class:`Metric` for two tables of features ``[n, d]`` and ``[m, d]``."""
    radii = nearest_within(real, k).distances[:, -1]
    own = nearest_within(fake, k).distances[:, -1]
    precision = float((coverings(fake, centres=real, radii=radii) > 0).double().mean())
    recall = float((coverings(real, centres=fake, radii=own) > 0).double().mean())
    both = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
        "realism": float(realism(fake, centres=real, radii=radii).median()),
    }


def as_share(interval: Interval, count: int) -> Interval:
    """The interval of a share of so many images (0: of none), no narrower than if these alone were left to chance."""
    alone = wilson(interval.value * count, count) if count else interval
    return Interval(interval.value, min(interval.low, alone.low), min(1.0, max(interval.high, alone.high)))


def realism(images: Tensor, *, centres: Tensor, radii: Tensor) -> Tensor:
    r"""How deep each image lies in the real manifold: :math:`\max_i r_i/\lVert f-c_i\rVert` over the narrower half.

    It is infinite for a copy of an image whose ball has a radius.

    References:
        Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 3.

    Args:
        images: Features.  # [n, d]
        centres: Of the balls.  # [m, d]
        radii: Theirs; balls wider than the median are left out.  # [m]

    Returns:
        Ratios.  # [n] float64
    """
    kept = radii <= radii.median()
    centres, radii = centres[kept], radii[kept]
    middle, count = centres.double().mean(0), min(len(centres), 8)
    near = (centres.double() - middle).float()
    found = []
    for part in images.split(max(1, BLOCK // len(centres))):
        ratios = radii.float() / torch.cdist((part.double() - middle).float(), near)
        at = ratios.nan_to_num(nan=torch.inf).topk(count).indices  # measured again, exactly
        exact = torch.stack([(part.double() - centres[column].double()).square().sum(1).sqrt() for column in at.T], 1)
        found.append((radii[at] / exact).nan_to_num(nan=1.0, posinf=torch.inf).amax(1))
    return torch.cat(found)
