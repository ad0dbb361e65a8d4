"""LPIPS: how far apart the directions of features are, place by place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

_EPSILON = 1e-10
"""The length from which on features have a direction."""


def lpips(
    features: Mapping[str, Tensor], target: Mapping[str, Tensor], weights: Mapping[str, Tensor] | None = None
) -> Tensor:
    r"""``[N]``: the sum over layers of the mean over places of weighted squares between features of length 1.

    .. math:: d(x, x_0) = \sum_l \frac{1}{H_l W_l} \sum_{h, w} \sum_c w_{lc} (\hat y^l_{hwc} - \hat y^l_{0hwc})^2

    where :math:`\hat y` is the feature vector of a place divided by its length. Without weights all are 1, which is
    twice the sum of cosine distances, so at most 4 for each layer, and at most 2 where features are not negative.

    References:
        Zhang, Isola, Efros, Shechtman & Wang 2018, arXiv 1801.03924, equation 1 and section 3; there a weight is the
        square of what scales the features.

    Args:
        features: Of the pictures, by layer.  # [N, C, H, W] each
        target: Of what they should be.
        weights: Of each layer's channels; None for 1.  # [C] each

    Example:
        >>> up, down = torch.tensor([[[[2.0]], [[0.0]]]]), torch.tensor([[[[0.0]], [[5.0]]]])
        >>> lpips({"a": up}, {"a": down}), lpips({"a": up}, {"a": 3 * up})
        (tensor([2.]), tensor([0.]))
    """
    found = []
    for name, wanted in target.items():
        apart = (normalize(features[name], dim=1, eps=_EPSILON) - normalize(wanted, dim=1, eps=_EPSILON)).square()
        if weights is not None:
            apart = apart * weights[name].to(apart).view(-1, 1, 1)
        found.append(apart.sum(1).mean((1, 2)))
    return torch.stack(found).sum(0)
