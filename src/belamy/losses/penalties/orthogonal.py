"""The orthogonal regularisation of BigGAN."""

from typing import Any

import torch
from torch import Tensor, nn

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.layers import matrix_layers
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""The filters of each of the discriminator's layers should be orthogonal, of whatever length.

    .. math:: \sum_W \lVert W^\top W \odot (1 - I) \rVert_F^2

    with the filters, flattened, as the columns of W; the sum is over the convolutions and dense layers.

    *Departs from the paper*, which regularises the generator alike.

    References:
        Brock et al. 2018, arXiv 1809.11096, equation 3.

    Args:
        weight: Factor β in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    def __init__(self, *, weight: float = 1e-4, every: int = 1) -> None:
        super().__init__(weight, every)
        self.layers: tuple[tuple[Any, int], ...] = ()  # a tuple, so that they are saved with the discriminator alone

    def prepare(self, discriminator: nn.Module) -> None:
        """Find the layers."""
        self.layers = tuple(matrix_layers(discriminator, "orthogonal").items())

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``, all alike."""
        total = torch.stack([overlap(layer.weight, axis) for layer, axis in self.layers]).sum()
        return total.expand(len(context.real))


def overlap(weight: Tensor, axis: int = 0) -> Tensor:
    """Sum of the squared inner products of each two filters of a weight, whose ``axis`` counts them."""
    filters = weight.movedim(axis, 0).flatten(1)
    return 2 * (filters @ filters.T).tril(-1).square().sum()
