"""What the structural similarities share: local means, variances and covariances under a Gaussian window."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW = 11
"""Side of the window, in pixels."""
DEVIATION = 1.5
"""Standard deviation of the window, in pixels."""
K1, K2 = 0.01, 0.03


class Structure(NamedTuple):
    """Means over all places and channels of one picture: of luminance, contrast and structure, and of the last two."""

    similarity: Tensor
    contrast: Tensor


def compare(reference: Tensor, estimate: Tensor, data_range: float) -> Structure:
    r"""Similarity ``[N]`` and its part without luminance ``[N]``, at every place where the window fits.

    .. math:: \frac{2\mu_x\mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1} \cdot
              \frac{2\sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2}, \qquad C_i = (K_i R)^2

    References:
        Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation 13, with
        the window of section III.C: 11 × 11, Gaussian, σ = 1.5, K1 = 0.01, K2 = 0.03.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y = _blurred(reference), _blurred(estimate)
    variance_x = _blurred(reference.square()) - mean_x.square()
    variance_y = _blurred(estimate.square()) - mean_y.square()
    covariance = _blurred(reference * estimate) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    contrast = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return Structure((luminance * contrast).flatten(1).mean(1), contrast.flatten(1).mean(1))


def _blurred(pictures: Tensor) -> Tensor:
    """Local means of each channel.  # [N, C, H - 10, W - 10]"""
    place = torch.arange(WINDOW, dtype=pictures.dtype) - WINDOW // 2
    weights = torch.exp(-place.square() / (2 * DEVIATION**2))
    weights = (weights / weights.sum()).view(1, 1, 1, WINDOW)
    flat = pictures.flatten(0, 1).unsqueeze(1)  # [N·C, 1, H, W]
    return conv2d(conv2d(flat, weights), weights.transpose(2, 3)).squeeze(1).unflatten(0, pictures.shape[:2])
