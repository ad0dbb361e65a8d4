"""How many classes the generated images cover, and how evenly."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.seen import Seen


class Metric:
    r"""Classes found among the generated images, and the divergence of their shares from those of real images.

    .. math:: \mathrm{KL}(p \Vert q) = \sum_k p_k \log(p_k / q_k)

    with p the shares that the classifier tells of generated and q those it tells of real images, or 1/K where none were
    seen. It is infinite if a class is generated that no real image has. With n samples of q itself its expectation is
    about (K - 1) / 2n.

    References:
        Srivastava et al. 2017, arXiv 1705.07761, section 5.2 (1,000 modes of stacked digits); Metz et al. 2017,
        arXiv 1611.02163, section 3.3.

    Args:
        classes: K, how many classes the classifier tells apart.
        least: Samples that a class must have to be covered.
    """

    def __init__(self, classes: int, *, least: int = 1) -> None:
        self.least = least
        self.real = torch.zeros(classes, dtype=torch.long)
        self.fake = torch.zeros(classes, dtype=torch.long)

    def update(self, *, real: Seen | None = None, fake: Seen | None = None) -> None:
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


def divergence(counts: Tensor, prior: Tensor) -> float:
    """KL divergence, in nats, of the shares in ``counts [K]`` from those in ``prior [K]``.

    Example:
        >>> round(divergence(torch.tensor([4, 0]), torch.tensor([1, 1])), 4)
        0.6931
    """
    p, q = counts.double() / counts.sum(), prior.double() / prior.sum()
    there = p > 0
    return float((p[there] * (p[there] / q[there]).log()).sum())
