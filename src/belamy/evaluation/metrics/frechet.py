"""The Fréchet distance between the features of real and generated images."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.gaussians import distance, influences
from belamy.evaluation.intervals import factor
from belamy.evaluation.moments import Moments, MomentsMetric
from belamy.evaluation.rows import placed
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

ENOUGH = 10_000
"""Images below which the bias is shown."""


class Metric(MomentsMetric):
    r"""Distance of the Gaussians that have the features' means and covariances.

    .. math:: \lVert\mu_r-\mu_f\rVert^2 + \mathrm{tr}\bigl(\Sigma_r + \Sigma_f -
        2(\Sigma_r^{1/2}\Sigma_f\Sigma_r^{1/2})^{1/2}\bigr)

    Covariances are divided by n - 1. No matrix square root is taken: see :func:`belamy.evaluation.gaussians.distance`.
    The expectation is too large by about c/n, with c depending on both sets: compare at equal n only.

    The interval is about the expectation of the distance at these sizes, over draws of both sets, so it does not take
    the bias away. It is no prediction: other images of the same two origins, as many, come out in it in some 80 to 89
    of 100 cases. To first order the variance V is that of the influences of the images; on a distance D that is a bias
    B for the most part, whose quadratic terms that counts twice, it is

    .. math:: V (1 - B / 2D)

    exactly so for independent features of one variance. The logarithm is taken for normal, since distances are
    positive and, of few features, skew.

    References:
        Heusel et al. 2017, arXiv 1706.08500, section 4; the bias: Chong & Forsyth 2020, arXiv 1911.07023; the variance:
        Rippl, Munk & Sturm 2016, arXiv 1507.04090, theorem 2.2.

    Args:
        sample: Images on each side that tell bias and interval, at most; the distance itself is of all.
    """

    def __init__(self, *, sample: int = 10_000) -> None:
        if sample < 4:
            raise UsageError(f"frechet.sample is {sample}, but the bias is told by halves of a sample of at least 4.")
        super().__init__(sample)

    def compute(self) -> dict[str, float]:
        if "frechet" not in self._known:
            self._known["frechet"] = distance(self.real, self.fake)
        return {"frechet": self._known["frechet"]}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        value = self.compute()["frechet"]
        if value <= 0 or min(self.real.count, self.fake.count) < 4:
            return {}
        error = variance(self.real, self.fake, self.real_rows.table(), self.fake_rows.table()) ** 0.5
        excess = min(1.0, max(0.0, self.bias() / value))
        return {"frechet": factor(value, error * (1 - excess / 2) ** 0.5 / value)}

    def bias(self) -> float:
        r"""How much of the distance is owed to the number of images: :math:`\mathbb{E} D_n \approx D_\infty + c/n`.

        By the two distances between halves of the sets, which have twice the bias.
        """
        if "bias" not in self._known:
            real, fake = placed(self.real_rows.table()), placed(self.fake_rows.table())
            whole = self.compute()["frechet"]
            if len(real) < self.real.count or len(fake) < self.fake.count:
                whole = distance(Moments.of(real), Moments.of(fake))
            parts = zip(_halves(real, "real"), _halves(fake, "fake"), strict=True)
            halves = [distance(Moments.of(some), Moments.of(others)) for some, others in parts]
            scale = (1 / self.real.count + 1 / self.fake.count) / (1 / len(real) + 1 / len(fake))
            self._known["bias"] = (sum(halves) / 2 - whole) * scale
        return self._known["bias"]

    @property
    def notes(self) -> list[str]:
        found: list[str] = []
        count, size = min(self.real.count, self.fake.count), self.real.size
        if count < 4 or not self.compute()["frechet"]:
            return found
        if count <= size:
            found.append(
                f"There are {count:,} images for {size:,} features: a covariance is singular, and the Fréchet distance "
                f"far too large. Take more images, or the kernel distance."
            )
        if count < ENOUGH:
            bias = self.bias()
            size_of_bias = format(bias, ".2g" if abs(bias) < 100 else ",.0f")
            found.append(
                f"N = {count:,} < {ENOUGH:,}: the Fréchet distance is too large by about {size_of_bias}. The kernel "
                f"distance has no such bias, frechet-infinity little of it; compare at equal N only."
            )
        return found


def variance(real: Moments, fake: Moments, real_rows: Tensor, fake_rows: Tensor) -> float:
    """Of the distance between sets that are drawn anew, to first order, told by rows of each or samples of them."""
    of_real, of_fake = influences(real, fake, real_rows, fake_rows)
    return float(of_real.var() / real.count + of_fake.var() / fake.count)


def _halves(rows: Tensor, side: str) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(rows), generator=generator(0, "halves", side))
    return rows[order[::2]], rows[order[1::2]]
