"""The zero-centred gradient penalty on real samples."""

from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.gradients import squared_slope
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Squared norm of the discriminator's gradient at real samples.

    .. math:: \tfrac12 \lVert\nabla_x D(x)\rVert_2^2

    References:
        Mescheder et al. 2018, arXiv 1801.04406, equation 9; every k steps: Karras et al. 2020, arXiv 1912.04958,
        section 3.1.

    Args:
        weight: Factor γ in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        return squared_slope(context.critic, context.real) / 2
