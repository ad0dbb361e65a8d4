"""The LeCam regularisation for few data."""

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.processes import gather


class Penalty(BasePenalty):
    r"""Scores of real samples are drawn to the average score of generated ones, and the other way round.

    .. math:: (D(x) - \alpha_F)^2 + (D(G(z)) - \alpha_R)^2

    with :math:`\alpha` the exponential averages of the scores over the batches before this one, those of all processes
    together.

    *Departs from the paper*: the averages are plain means at first, so that no chosen value has to be forgotten; before
    the first batch they are 0.

    References:
        Tseng et al. 2021, arXiv 2104.03310, section 3.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it, and update the averages, on each ``every``-th step; the term is scaled by ``every``.
        decay: Share of the averages that an update keeps, in [0, 1).

    Raises:
        UsageError: ``decay`` is outside [0, 1).
    """

    averages: Tensor
    batches: Tensor

    def __init__(self, *, weight: float = 0.3, every: int = 1, decay: float = 0.99) -> None:
        super().__init__(weight, every)
        if not 0 <= decay < 1:
            raise UsageError(f"lecam.decay is {decay:g}, but it must be at least 0 and below 1. The paper's is 0.99.")
        self.decay = decay
        self.register_buffer("averages", torch.zeros(2))
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        real, fake = self.averages.clone()
        self.follow(torch.stack([context.real_scores.mean(), context.fake_scores.mean()]))
        return (context.real_scores - fake).square() + (context.fake_scores - real).square()

    @torch.no_grad()
    def follow(self, means: Tensor) -> None:
        """Take the mean scores ``[2]`` of a batch, real and generated, into the averages."""
        self.batches += 1
        share = (1 / self.batches).clamp_min(1 - self.decay).to(self.averages)
        self.averages.lerp_(gather(means.to(self.averages)).mean(0), share)
