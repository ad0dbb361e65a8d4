"""Bins of training images that generated images fill too much or too little."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.clusters import centres_of, sizes_of
from belamy.evaluation.intervals import about
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.evaluation.two_samples import holm, jensen_shannon, share_deviates

LEVEL = 0.05


class Metric(SidedMetric):
    r"""Number of statistically different bins, and the Jensen–Shannon divergence of the bins' shares.

    Bins are the cells of k-means on the training images' features. Bin k differs if

    .. math:: \frac{|\hat p_k - \hat q_k|}{\sqrt{\hat s_k(1-\hat s_k)(1/n + 1/m)}} > z_{0.975}, \qquad
        \hat s_k = \frac{n\hat p_k + m\hat q_k}{n+m}

    which 5 % of equal bins do, so ``ndb`` is expected to be 0.05 K and not 0 for a perfect generator; ``ndb-holm``
    counts those that differ at 5 % over all bins. ``ndb-held-out`` is the count of the real images that are compared
    with. Copies of the training images fill the bins as they should: these numbers cannot see memorisation.

    *Departs from the paper*: in features, not in pixels; nothing is whitened, no dimensions are left out.

    The interval of the divergence is of its expectation at these counts, with the bins fixed; the counts of bins have
    none, being counts of tests.

    References:
        Richardson & Weiss 2018, arXiv 1805.12462, section 3; Holm 1979.

    Args:
        bins: K; 100 in the paper.
        seed: Of k-means.

    Raises:
        UsageError: There are fewer than two bins.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, *, bins: int = 100, seed: int = 0) -> None:
        if bins < 2:
            raise UsageError(f"ndb.bins is {bins}, but shares of one bin cannot differ: write 2 or more.")
        self.bins, self.seed = bins, seed
        self.sides: Sides[dict[str, Tensor]] = Sides()

    def compute(self) -> dict[str, float]:
        if not self.sides.count("fake") or self.sides.count("train") < self.bins:
            return {}
        counts = self.sides.once(self._counts)
        tests = two_sided(counts["train"], counts["fake"])
        found = {
            "ndb": int((tests < LEVEL).sum()),
            "ndb-holm": int((holm(tests) <= LEVEL).sum()),
            "ndb-js": divergence(counts["train"], counts["fake"])[0],
        }
        if "real" in counts:
            found["ndb-held-out"] = int((two_sided(counts["train"], counts["real"]) < LEVEL).sum())
        return found

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.compute():
            return {}
        counts = self.sides.once(self._counts)
        value, error = divergence(counts["train"], counts["fake"])
        found = about(value, error)
        return {"ndb-js": found._replace(low=max(0.0, found.low))}

    @property
    def notes(self) -> list[str]:
        train, fake = self.sides.count("train"), self.sides.count("fake")
        if not self.compute():
            return [f"NDB needs generated images and at least {self.bins} training images, but there are {train:,}."]
        if fake < 10 * self.bins:
            return [f"{fake:,} generated images in {self.bins} bins are fewer than ten in each: NDB sees little."]
        return []

    def _counts(self) -> dict[str, Tensor]:
        train = self.sides.table("train")
        centres = centres_of(train, self.bins, seed=self.seed)
        tables: dict[str, Callable[[], Tensor]] = {"train": lambda: train, "fake": lambda: self.sides.table("fake")}
        if self.sides.count("real"):
            tables["real"] = lambda: self.sides.table("real")
        return {side: sizes_of(table(), centres)[1] for side, table in tables.items()}


def two_sided(a: Tensor, b: Tensor) -> Tensor:
    """The p-value of equal shares, for each bin of two counts ``[K]``: the z-test with the pooled share."""
    return torch.special.erfc(share_deviates(a, int(a.sum()), b, int(b.sum())).abs() / sqrt(2))


def divergence(a: Tensor, b: Tensor) -> tuple[float, float]:
    r"""Jensen-Shannon divergence, in nats, of the shares in two counts ``[K]``, and its standard error.

    .. math:: \max\Bigl(V - c, c\Bigr), \qquad
        V = \frac{1}{4n}\mathrm{Var}_p\log\frac{p}{s} + \frac{1}{4m}\mathrm{Var}_q\log\frac{q}{s}, \qquad
        c = \frac{K-1}{32}\Bigl(\frac1n+\frac1m\Bigr)^2

    is its square, with s the mean of p and q: V is the first order of the delta method, too large by 2c with shares
    that were counted, and c the second order, which is all there is where p = q.
    """
    n, m = float(a.sum()), float(b.sum())
    p, q = a.double() / n, b.double() / m
    middle = (p + q) / 2
    first, second = (torch.where(x > 0, (x / middle).log() / 2, 0.0) for x in (p, q))
    spread = [float((x * part.square()).sum() - (x * part).sum() ** 2) for x, part in ((p, first), (q, second))]
    least = (int((middle > 0).sum()) - 1) / 32 * (1 / n + 1 / m) ** 2
    return float(jensen_shannon(p, q)), sqrt(max(spread[0] / n + spread[1] / m - least, least))
