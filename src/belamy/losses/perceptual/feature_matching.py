"""Feature matching: what a network's layers see should be alike in the real and in the generated picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def feature_matching(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    r"""``[N]``: the sum over layers of the mean absolute difference.

    .. math:: \sum_i \tfrac1{N_i} \lVert D^{(i)}(s, x) - D^{(i)}(s, G(s)) \rVert_1

    References:
        Wang et al. 2017, arXiv 1711.11585, equation 4, of a discriminator; Liu et al. 2018, arXiv 1804.07723, equation
        3, of a pretrained network.

    Args:
        features: Of the generated pictures, layer by layer.  # [N, C, h, w] each
        wanted: Of the real ones.  # [N, C, h, w] each

    Example:
        >>> feature_matching([torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, 1)],
        ...                  [torch.tensor([[[[1.0]], [[3.0]]]]), torch.full((1, 1, 1, 1), -5.0)])
        tensor([7.])
    """
    pairs = zip(features, wanted, strict=True)
    return torch.stack([(mine - its).abs().flatten(1).mean(1) for mine, its in pairs]).sum(0)
