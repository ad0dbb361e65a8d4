"""How many classes the generated images cover, and how evenly."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import about, normal_quantile
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval


class Metric(BaseMetric):
    r"""Classes found among the generated images, and the divergence of their shares from those of real images.

    .. math:: \mathrm{KL}(p \Vert q) = \sum_k p_k \log(p_k / q_k)

    with p the shares that the classifier tells of generated and q those it tells of real images, or 1/K where none were
    seen. It is infinite if a class is generated that no real image has. With n samples of q itself its expectation is
    about (K - 1) / 2n.

    The intervals are of the numbers' expectations at these counts, over draws of both sets. That of the modes follows
    from the numbers :math:`\Phi_i` of classes found i times: their count has the variance by which it would grow if as
    many images again were drawn, :math:`\Phi_1 - \Phi_2 + \Phi_3 - \dots`

    References:
        Srivastava et al. 2017, arXiv 1705.07761, section 5.2 (1,000 modes of stacked digits); Metz et al. 2017,
        arXiv 1611.02163, section 3.3; the growth: Good & Toulmin 1956, "The number of new species, and the increase in
        population coverage, when a sample is increased".

    Args:
        classes: K, how many classes the classifier tells apart.
        least: Samples that a class must have to be covered; there is no interval of the modes if more than 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, classes: int, *, least: int = 1) -> None:
        self.least = least
        self.real = torch.zeros(classes, dtype=torch.long)
        self.fake = torch.zeros(classes, dtype=torch.long)

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        for counts, seen in ((self.real, real), (self.fake, fake)):
            if seen is not None and seen.told is not None:
                counts += torch.bincount(seen.told, minlength=len(counts))

    def merge(self, other: Metric) -> None:
        self.real += other.real
        self.fake += other.fake

    def compute(self) -> dict[str, float]:
        if not int(self.fake.sum()):
            return {}
        prior = self.real if int(self.real.sum()) else torch.ones_like(self.real)
        return {"modes": int((self.fake >= self.least).sum()), "kl": divergence(self.fake, prior)}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        values, found = self.compute(), {}
        if not values:
            return {}
        if self.least == 1:
            signs = 1 - 2 * ((self.fake - 1) % 2)  # of Φ₁, Φ₂, Φ₃ …
            growth = max(0.0, float(signs[self.fake > 0].sum()))
            low, high = about(values["modes"], sqrt(growth))[1:]
            found["modes"] = Interval(values["modes"], max(1.0, low), min(float(len(self.fake)), high))
        if values["kl"] < float("inf"):
            found["kl"] = divergence_interval(self.fake, self.real if int(self.real.sum()) else None)
        return found

    def rare(self) -> list[int]:
        """The classes that come less than a fifth as often as among real images, where 5 or more were to come."""
        real, fake = self.real.double(), self.fake.double()
        due = real / real.sum().clamp(min=1) * fake.sum()
        return ((due >= 5) & (fake < due / 5)).nonzero().flatten().tolist()

    @property
    def notes(self) -> list[str]:
        fake, real = int(self.fake.sum()), int(self.real.sum())
        if not fake:
            return ["Modes need the probabilities of classes, which this extractor does not tell."]
        notes = []
        if fake < 10 * len(self.fake):
            notes.append(
                f"{fake:,} generated images of {len(self.fake):,} classes: fewer than ten of each can be seen."
            )
        elif not bool((self.fake[self.real == 0] == 0).all()) and real:
            notes.append("KL is infinite: some generated images are taken for a class that no real image is taken for.")
        if not real:
            notes.append("KL is to equal shares of all classes, since no real images were seen.")
        return notes


def divergence(counts: Tensor, prior: Tensor) -> float:
    """KL divergence, in nats, of the shares in ``counts [K]`` from those in ``prior [K]``.

    Example:
        >>> round(divergence(torch.tensor([4, 0]), torch.tensor([1, 1])), 4)
        0.6931
    """
    p, q = counts.double() / counts.sum(), prior.double() / prior.sum()
    there = p > 0
    return float((p[there] * (p[there] / q[there]).log()).sum())


def divergence_interval(counts: Tensor, prior: Tensor | None) -> Interval:
    r"""The interval of the expectation of :func:`divergence` over draws of the counts and, unless known, of the prior.

    .. math:: (D-\mu)^2 = z^2\Bigl(\frac VD(\mu-\mu_0)+c\Bigr), \qquad
        V = \frac1n\mathrm{Var}_p\log\frac pq + \frac1m\mathrm{Var}_q\frac pq, \qquad
        \mu_0 = \frac{K-1}2 a, \quad c = \frac{K-1}2 a^2, \quad a = \frac1n+\frac1m

    has its ends as solutions. As in Wilson's interval of a share, the variance is that of each expectation in
    question: where p = q it is :math:`\mu_0` with variance c, of a scaled :math:`\chi^2_{K-1}`, and from there it
    grows at the rate that the first order of the delta method, V, tells at D.

    Args:
        counts: n draws of p.  # [K]
        prior: m draws of q; None for equal shares.  # [K]
    """
    n, m = float(counts.sum()), float("inf") if prior is None else float(prior.sum())
    value = divergence(counts, torch.ones_like(counts) if prior is None else prior)
    p = counts.double() / n
    q = torch.full_like(p, 1 / len(p)) if prior is None else prior.double() / m
    there = p > 0
    p, q = p[there], q[there]
    logs, ratios = (p / q).log(), p / q
    spread = (float((p * logs.square()).sum()) - value**2) / n + max(0.0, float((q * ratios.square()).sum()) - 1) / m
    noise = 1 / n + 1 / m
    least = (int(there.sum()) - 1) / 2 * noise
    rate = spread / value if value > 0 else 2 * noise
    square = normal_quantile() ** 2
    middle = value + square * rate / 2
    reach = sqrt(max(0.0, (square * rate / 2) ** 2 + square * (rate * (value - least) + least * noise)))
    return Interval(value, min(value, max(0.0, middle - reach)), max(value, middle + reach))
