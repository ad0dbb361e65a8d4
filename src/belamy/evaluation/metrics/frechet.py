"""The Fréchet distance between the features of real and generated images."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.moments import Moments
from belamy.evaluation.seen import Seen

_ROUNDING = 1e-10
"""Share of the traces below which a distance is the rounding of 0."""


class Metric:
    r"""Distance of the Gaussians that have the features' means and covariances.

    .. math:: \lVert\mu_r-\mu_f\rVert^2 + \mathrm{tr}\bigl(\Sigma_r + \Sigma_f -
        2(\Sigma_r^{1/2}\Sigma_f\Sigma_r^{1/2})^{1/2}\bigr)

    Covariances are divided by n - 1. No matrix square root is taken: the last trace is that of the roots of the
    eigenvalues of :math:`L^\top\Sigma L`, with :math:`LL^\top` the covariance of the smaller set cut to its rank, which
    is symmetric and never negative, so that singular covariances do no harm.

    The expectation is too large by about c/n, with c depending on both sets: compare at equal n only.

    References:
        Dowson & Landau 1982, equation 4; Heusel et al. 2017, arXiv 1706.08500, section 4; the bias: Chong & Forsyth
        2020, arXiv 1911.07023.
    """

    def __init__(self) -> None:
        self.real, self.fake = Moments(), Moments()

    def update(self, *, real: Seen | None = None, fake: Seen | None = None) -> None:
        for moments, seen in ((self.real, real), (self.fake, fake)):
            if seen is not None:
                moments.update(seen.features)

    def merge(self, other: Metric) -> None:
        self.real.merge(other.real)
        self.fake.merge(other.fake)

    def compute(self) -> dict[str, float]:
        return {"frechet": frechet(real=self.real, fake=self.fake)}


def frechet(*, real: Moments, fake: Moments) -> float:
    """The distance of two sets of features, in the features' unit squared; see :class:`Metric`.

    Raises:
        UsageError: A set has fewer than two rows.
    """
    few, many = sorted((real, fake), key=lambda moments: moments.count)
    root = factor(few.covariance)
    cross = torch.linalg.eigvalsh(root.T @ many.covariance @ root).clamp(min=0).sqrt().sum()
    traces = few.covariance.trace() + many.covariance.trace()
    distance = (real.mean - fake.mean).square().sum() + traces - 2 * cross
    return 0.0 if abs(distance) <= _ROUNDING * traces else float(distance)


def factor(covariance: Tensor) -> Tensor:
    """``L`` of ``[d, rank]`` with ``L Lᵀ`` the covariance; directions without variance are left out."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors[:, kept] * values[kept].sqrt()
