"""The zero-centred gradient penalty on generated samples."""

from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.gradients import squared_slope
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Squared norm of the discriminator's gradient at generated samples.

    .. math:: \tfrac12 \lVert\nabla_{\tilde x} D(\tilde x)\rVert_2^2

    References:
        Mescheder et al. 2018, arXiv 1801.04406, section 4.1; used together with R1 in Huang et al. 2024,
        arXiv 2501.05441.

    Args:
        weight: Factor γ in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        return squared_slope(context.critic_of_fakes, context.fake.to(context.real.dtype)) / 2
