"""How far apart two Gaussians are, and how much each of the rows that they were fitted to has to do with it."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.moments import Moments

_ROUNDING = 1e-10
"""Share of the traces below which a distance is the rounding of 0."""
_REGULAR = 1e-7
"""Ratio of the least to the largest squared pivot above which a covariance is taken for regular."""
_SMALL = 512
"""Columns up to which singular values cost nothing."""


def distance(a: Moments, b: Moments) -> float:
    r"""Squared Wasserstein-2 distance of the Gaussians that have these means and covariances.

    .. math:: \lVert\mu_a-\mu_b\rVert^2 + \mathrm{tr}\,\Sigma_a + \mathrm{tr}\,\Sigma_b - 2\lVert A^\top B\rVert_*,
        \qquad AA^\top = \Sigma_a, \quad BB^\top = \Sigma_b

    The sum of the singular values of :math:`A^\top B` is the trace of the matrix square root for any such factors: the
    centred rows where there are fewer of them than columns, else triangles cut to the covariance's rank. So nothing is
    complex, and nothing is added to singular covariances.

    References:
        Dowson & Landau 1982, equation 4.

    Raises:
        UsageError: A set has fewer than two rows, or the sets have different columns.
    """
    traces = a.variance + b.variance
    if a.size != b.size:
        raise UsageError(f"Features of {a.size} numbers are at no distance from {b.size}: look with one extractor.")
    found = float((a.mean - b.mean).square().sum()) + traces - 2 * overlap(a, b)
    return 0.0 if abs(found) <= _ROUNDING * traces else found


def overlap(a: Moments, b: Moments) -> float:
    r""":math:`\mathrm{tr}(\Sigma_a^{1/2}\Sigma_b\Sigma_a^{1/2})^{1/2}`.

    Raises:
        UsageError: A set has fewer than two rows.
    """
    first, second = _table(a), _table(b)
    if first is None and second is None:
        return _overlap(a.covariance, b.covariance)
    first = factor(a.covariance) if first is None else first
    second = factor(b.covariance) if second is None else second
    return float(torch.linalg.svdvals(first.T @ second).sum())


def factor(covariance: Tensor) -> Tensor:
    """``L`` of ``[d, rank]`` with ``LLᵀ`` the covariance, by Cholesky's method with the largest pivot first.

    Pivots of no more than rounding end it: directions without variance are left out.
    """
    rows, left = torch.zeros_like(covariance), covariance.diagonal().clone()  # rows of Lᵀ; what L leaves unexplained
    floor = left.max() * len(left) * torch.finfo(left.dtype).eps
    for rank in range(len(left)):
        at = int(left.argmax())
        if left[at] <= floor:
            return rows[:rank].T
        rows[rank] = (covariance[at] - rows[:rank].T @ rows[:rank, at]) / left[at].sqrt()
        left -= rows[rank].square()
        left[at] = 0
    return rows.T


def influences(a: Moments, b: Moments, rows_a: Tensor, rows_b: Tensor) -> tuple[Tensor, Tensor]:
    r"""The derivative of the distance by the weight of each row, times the number of rows.

    .. math:: \mathrm{IF}_a(x) = 2(\mu_a-\mu_b)^\top(x-\mu_a) + \lVert x-\mu_a\rVert^2 - (x-\mu_a)^\top T_{ab}(x-\mu_a)

    up to a constant, with :math:`T_{ab} = \Sigma_a^{-1/2}(\Sigma_a^{1/2}\Sigma_b\Sigma_a^{1/2})^{1/2}\Sigma_a^{-1/2}`
    the optimal transport from one Gaussian to the other. Over n rows their variance divided by n is that of the
    distance, to first order.

    References:
        Rippl, Munk & Sturm 2016, arXiv 1507.04090, theorem 2.2.

    Args:
        a: Moments of one set.
        b: Moments of the other.
        rows_a: Rows of the one, or a sample of them.  # [n, d]
        rows_b: Rows of the other, or a sample of them.  # [m, d]

    Returns:
        The derivatives for the rows of each set.  # [n] and [m]
    """
    values, vectors = _spectrum(a.covariance)
    root = vectors * values.sqrt()  # [d, rank]
    middle, turns = _spectrum(root.T @ b.covariance @ root)
    there = (turns * middle.pow(0.25)).T @ (vectors / values.sqrt()).T  # its square is T from a to b
    back = (turns / middle.pow(0.25)).T @ root.T
    apart = 2 * (a.mean - b.mean)
    return _quadratic(rows_a, a.mean, there, apart), _quadratic(rows_b, b.mean, back, -apart)


def _table(moments: Moments) -> Tensor | None:
    """The factor ``[d, n]`` that the rows themselves are."""
    moments.enough()
    centred = moments.centred
    return None if centred is None else centred.T / (moments.count - 1) ** 0.5


def _overlap(first: Tensor, second: Tensor) -> float:
    alive = (first.diagonal() > 0) & (second.diagonal() > 0)  # a column without variance on one side adds nothing
    if not bool(alive.any()):
        return 0.0
    first, second = first[alive][:, alive], second[alive][:, alive]
    roots = [_triangle(covariance) for covariance in (first, second)]
    if len(first) > _SMALL and roots[0] is not None and roots[1] is not None:
        product = roots[0].T @ roots[1]
        return float(torch.linalg.eigvalsh(product @ product.T).clamp(min=0).sqrt().sum())
    left, right = (factor(each) if root is None else root for each, root in zip((first, second), roots, strict=True))
    return float(torch.linalg.svdvals(left.T @ right).sum())


def _triangle(covariance: Tensor) -> Tensor | None:
    """Cholesky's factor; None where the covariance is singular, or nearly so."""
    root, failed = torch.linalg.cholesky_ex(covariance)
    pivots = root.diagonal().square()
    return None if int(failed) or pivots.min() < _REGULAR * pivots.max() else root


def _spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues above rounding, and their vectors."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > values[-1:].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    return values[kept], vectors[:, kept]


def _quadratic(rows: Tensor, mean: Tensor, form: Tensor, slope: Tensor) -> Tensor:
    found = []
    for part in rows.split(1000):
        centred = part.double() - mean
        found.append(centred @ slope + centred.square().sum(1) - (centred @ form.T).square().sum(1))
    return torch.cat(found)
