"""The matching-aware zero-centred gradient penalty of DF-GAN."""

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""How steep the score is at real pictures with what they are told, in both, to a high power.

    .. math:: (\lVert\nabla_x D(x, e)\rVert_2 + \lVert\nabla_e D(x, e)\rVert_2)^p

    Where nothing is told beside pictures, the slope in pictures alone. The weight is the paper's k.

    *Departs from the paper*: the norms' square roots have a tiny constant, since their derivative at zero is infinite.

    References:
        Tao et al. 2020, "DF-GAN", arXiv 2008.05865, section 3.3.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        power: p.

    Raises:
        UsageError: A ``power`` below 1.
    """

    def __init__(self, *, weight: float = 2.0, every: int = 1, power: float = 6.0) -> None:
        super().__init__(weight, every)
        if power < 1:
            raise UsageError(f"matching-aware.power is {power:g}, but it must be at least 1. The paper's is 6.")
        self.power = power

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        given = (context.real,) if context.told is None else (context.real, context.told)
        at = [each.detach().requires_grad_() for each in given]
        scores = context.critic(*at) if context.critic_told is None else context.critic_told(*at)
        slopes = torch.autograd.grad(scores.sum(), at, create_graph=True)
        norms = [(each.square().flatten(1).sum(1) + 1e-12).sqrt() for each in slopes]
        return torch.stack(norms).sum(0).pow(self.power)
