"""Content: the same things at the same places."""

from collections.abc import Mapping

import torch
from torch import Tensor


def squared(features: Tensor, target: Tensor) -> Tensor:
    r"""Sum of squared differences.

    .. math:: \sum_{i,k} (F_{ik} - P_{ik})^2

    *Departs from the paper*, whose content loss is half of it.

    References:
        Gatys et al. 2015, arXiv 1508.06576, eq. 1.

    Args:
        features: Of the image.  # [N, C, H, W]
        target: Of the content, broadcast over N.  # [N or 1, C, H, W]
    """
    return (features - target).square().flatten(1).sum(1)


def variation(target: Tensor) -> Tensor:
    r"""How much the content itself varies in space: :math:`\sum_{i,k} (P_{ik} - \bar P_i)^2`.

    Of a content that hardly varies, a thousandth of its energy stands for that.

    Args:
        target: Of the content.  # [N, C, H, W]
    """
    flat = target.flatten(2)
    spread = (flat - flat.mean(2, keepdim=True)).square().sum((1, 2))
    return torch.maximum(spread, 1e-3 * flat.square().sum((1, 2)) + 1e-12)


def relative(features: Tensor, target: Tensor) -> Tensor:
    r"""Squared differences over the content's own variation, so that layers of any scale count alike.

    .. math:: \frac{\sum_{i,k} (F_{ik} - P_{ik})^2}{\sum_{i,k} (P_{ik} - \bar P_i)^2}

    1 is what features without any content, the mean of each channel everywhere, would get.

    Args:
        features: Of the image.  # [N, C, H, W]
        target: Of the content, broadcast over N.  # [N or 1, C, H, W]
    """
    return squared(features, target) / variation(target)


def mean_relative(features: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> Tensor:
    """The mean of :func:`relative` over the layers of the target: a perceptual distance ``[N]``.

    Args:
        features: Of the image, by layer.  # [N, C, H, W] each
        target: Of the content.
    """
    return torch.stack([relative(features[name], target[name]) for name in target]).mean(0)
