"""Images made small: grey planes, shares of codes, moments; each image for itself, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


def grey(values: Tensor) -> Tensor:
    """The mean of the channels.  # [n, C, H, W] -> [n, H, W]"""
    return values.double().mean(1)


def shares(codes: Tensor, levels: int) -> Tensor:
    """How often each code 0 … levels - 1 occurs in each row.  # [n, m] long -> [n, levels]

    A row without codes has shares of 0.

    Example:
        >>> shares(torch.tensor([[0, 2, 2, 2]]), 3).tolist()
        [[0.25, 0.0, 0.75]]
    """
    count, size = codes.shape
    rows = torch.arange(count).unsqueeze(1) * levels
    counts = torch.bincount((codes + rows).flatten(), minlength=count * levels).reshape(count, levels)
    return counts.double() / max(size, 1)


def moments(rows: Tensor) -> Tensor:
    r"""Mean, variance, skewness and excess kurtosis of each row.  # [n, m] -> [n, 4]

    .. math:: \mu, \quad \sigma^2 = \overline{(x-\mu)^2}, \quad \overline{(x-\mu)^3}/\sigma^3, \quad
        \overline{(x-\mu)^4}/\sigma^4 - 3

    The last two are 0 where a row does not vary.
    """
    rows = rows.double()
    mean = rows.mean(1, keepdim=True)
    centred = rows - mean
    variance = centred.square().mean(1)
    varies = variance > 1e-12
    scale = torch.where(varies, variance, 1.0)
    skew = torch.where(varies, centred.pow(3).mean(1) / scale**1.5, 0.0)
    kurtosis = torch.where(varies, centred.pow(4).mean(1) / scale**2 - 3, 0.0)
    return torch.stack([mean.squeeze(1), variance, skew, kurtosis], 1)
