"""Weights of data for a new part of a mixture that is to make what the mixture so far lacks."""

import torch
from torch import Tensor


def boosting_level(ratios: Tensor, beta: float) -> Tensor:
    r"""λ*, at which the weights of data for a new part of a mixture have mean 1.

    .. math:: \frac1N \sum_i w_i = 1, \qquad w_i = \tfrac1\beta\,\bigl(\lambda^* - (1-\beta)\,h_i\bigr)_+

    The k least ratios share the weight if λ lies above (1 - β) h of each of them and not above that of the next, and
    then λ is β N / k plus the mean of (1 - β) h over them; so λ* is found by sorting.

    References:
        Tolstikhin et al. 2017, arXiv 1701.02386, section 3.2 and algorithm 3.

    Args:
        ratios: h, the density of what is generated over that of the data, at N data points, at least 0.
        beta: β in (0, 1], the new part's share of the mixture.

    Example:
        >>> level = boosting_level(torch.tensor([0.0, 1.0, 9.0]), 0.5)  # the last is there often enough
        >>> boosting_weights(torch.tensor([0.0, 1.0, 9.0]), 0.5, level).tolist()
        [2.0, 1.0, 0.0]
    """
    ordered = ((1 - beta) * ratios).flatten().sort().values
    ranks = torch.arange(1, len(ordered) + 1, device=ordered.device)
    levels = (beta * len(ordered) + ordered.cumsum(0)) / ranks
    return levels[(levels > ordered).sum() - 1]


def boosting_weights(ratios: Tensor, beta: float, level: Tensor) -> Tensor:
    """w of each ratio; see :func:`boosting_level`, whose result ``level`` is."""
    return (level - (1 - beta) * ratios).clamp_min(0) / beta
