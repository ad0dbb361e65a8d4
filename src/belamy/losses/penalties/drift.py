"""The drift penalty of progressive GANs."""

from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Keeps the scores of real samples near zero, where a Wasserstein critic would let them drift.

    .. math:: D(x)^2

    References:
        Karras et al. 2017, arXiv 1710.10196, appendix A.1.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    def __init__(self, *, weight: float = 0.001, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        return context.real_scores.square()
