"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.pairs import decibels, pictures


class Pair:
    r"""Peak signal-to-noise ratio of each picture, in decibels; infinite for an exact copy.

    .. math:: 10 \log_{10} \frac{R^2}{\tfrac1M \sum_m (x_m - \hat x_m)^2}

    over all M values of one picture, channels included. The mean of these ratios is not the ratio of the mean error:
    by Jensen's inequality it is larger.

    Args:
        data_range: R, largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].

    Example:
        >>> Pair(data_range=255)(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 25.5))
        tensor([20.], dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, *, data_range: float) -> None:
        self.data_range = data_range

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = pictures(reference, estimate, self.data_range)
        error = (reference - estimate).square().flatten(1).mean(1)
        return decibels(torch.full_like(error, self.data_range**2), error)
