"""Mean absolute error."""

from __future__ import annotations

from torch import Tensor

from belamy.evaluation.pairs import pictures


class Pair:
    r"""Mean absolute difference of each picture, as a share of the data's range: 0 for an exact copy, at most 1.

    .. math:: \frac{1}{M R} \sum_m |x_m - \hat x_m|

    Args:
        data_range: R, largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].

    Example:
        >>> import torch
        >>> Pair(data_range=255)(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 51))
        tensor([0.2000], dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, *, data_range: float) -> None:
        self.data_range = data_range

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = pictures(reference, estimate, self.data_range)
        return (reference - estimate).abs().flatten(1).mean(1) / self.data_range
