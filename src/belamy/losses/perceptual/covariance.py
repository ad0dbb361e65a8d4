"""Style by the mean and the covariance of features, each relative to the style's own."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.losses.perceptual.gram import gram


def moments(products: Tensor, sums: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    r"""Means and covariances from sums over positions, which add up over the tiles of an image.

    .. math:: \mu = s / w, \quad \Sigma = G / w - \mu\mu^\top

    Args:
        products: Gram matrices.  # [N, C, C]
        sums: Of the features.  # [N, C]
        total: Of the weights of positions.  # [N]
    """
    means = sums / total[:, None]
    return means, products / total[:, None, None] - means[:, :, None] * means[:, None, :]


def described(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Means [N, C] and covariances [N, C, C] of features over positions.

    Args:
        features: Of a layer.  # [N, C, H, W]
        weights: How much each position counts; None counts all once.  # [N or 1, 1, H, W]

    Example:
        >>> means, covariances = described(torch.tensor([[[[1.0, 3.0]], [[0.0, 4.0]]]]))
        >>> means.tolist(), covariances.tolist()
        ([[2.0, 2.0]], [[[1.0, 2.0], [2.0, 4.0]]])
    """
    if weights is None:
        weights = torch.ones_like(features[:, :1])
    sums = (features * weights).sum((2, 3))
    return moments(gram(features, weights), sums, weights.sum((1, 2, 3)).expand(len(features)))


def difference(found: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
    r"""Squared distances of means and of covariances, each over the style's own squared norm, added.

    .. math:: \frac{\|\mu - \mu_s\|^2}{\|\mu_s\|^2} + \frac{\|\Sigma - \Sigma_s\|_F^2}{\|\Sigma_s\|_F^2}

    A Gram matrix is :math:`\Sigma + \mu\mu^\top`, and where features are never negative its second part drowns the
    first: what varies is then hardly seen. Apart, both count, and all layers count alike. Of a style that hardly
    varies, a hundredth of its means stands for the covariance.

    References:
        Matching of these moments: Li et al. 2017, arXiv 1701.01036, and Huang & Belongie 2017, arXiv 1703.06868; the
        normalisation is ours.

    Args:
        found: Of the images.  # [N, C], [N, C, C]
        target: Of the style, broadcast over N.  # [N or 1, C], [N or 1, C, C]
    """
    (means, covariances), (wanted, wanted_covariances) = found, target
    energy = wanted.square().sum(1) + 1e-12
    of_means = (means - wanted).square().sum(1) / energy
    squares = (covariances - wanted_covariances).square().sum((1, 2))
    scale = torch.maximum(wanted_covariances.square().sum((1, 2)), (0.01 * energy).square() + 1e-12)
    return of_means + squares / scale
