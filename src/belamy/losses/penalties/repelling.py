"""The repelling regulariser of energy-based GANs."""

import torch
from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.processes import gather, rank


class Penalty(BasePenalty):
    r"""The pulling-away term: features of generated images should point in different directions.

    .. math:: \frac{1}{N-1} \sum_{j \ne i} \left( \frac{S_i^\top S_j}{\lVert S_i\rVert\,\lVert S_j\rVert} \right)^2

    so that the mean over the samples i is the paper's term. N counts the samples of
    all processes together.

    References:
        Zhao et al. 2016, arXiv 1609.03126, equation 4.

    Args:
        weight: Factor in the generator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    players = ("generator",)

    def __init__(self, *, weight: float = 0.1, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        features = context.fake_features
        own = features * (features.square().sum(1, keepdim=True) + 1e-12).rsqrt()  # [N, F]
        whole = gather(own.flatten()).view(-1, own.shape[1])  # [W N, F]
        start = rank() * len(own)
        others = 1 - torch.eye(len(whole), dtype=own.dtype, device=own.device)[start : start + len(own)]
        return ((own @ whole.T).square() * others).sum(1) / max(len(whole) - 1, 1)
