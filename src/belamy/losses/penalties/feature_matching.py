"""Feature matching for the generator."""

from torch import Tensor

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.processes import gather


class Penalty(BasePenalty):
    r"""The discriminator's features should be alike, on average, for real and for generated images.

    .. math:: \lVert E f(x) - E f(G(z)) \rVert_2^2

    The expectations are means over the batch, that of all processes together.

    *Departs from the paper*, where this replaces the generator's adversarial loss: here it is added.

    References:
        Salimans et al. 2016, arXiv 1606.03498, section 3.1.

    Args:
        weight: Factor in the generator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
    """

    players = ("generator",)

    def __init__(self, *, weight: float = 1.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``, all alike."""
        difference = context.real_features.detach().mean(0) - context.fake_features.mean(0)  # [F]
        return gather(difference).mean(0).square().sum().expand(len(context.fake))
