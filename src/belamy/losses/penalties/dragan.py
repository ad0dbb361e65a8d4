"""The gradient penalty of DRAGAN."""

from torch import Tensor

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.gradients import slope
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Distance of the critic's gradient norm from a target, in a neighbourhood of the data.

    .. math:: (\lVert\nabla D(x + \delta)\rVert_2 - \gamma)^2, \qquad \delta \sim N(0, (c\,\sigma_x)^2 I)

    with :math:`\sigma_x` the standard deviation of the image's own values.

    *Departs from the paper*, whose noise has one standard deviation for all images: measured on each image, it does not
    depend on the rest of the batch.

    References:
        Kodali et al. 2017, arXiv 1705.07215.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        target: The wanted norm γ.
        noise: Standard deviation c of the noise, in those of the image.

    Raises:
        UsageError: A negative ``noise``.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1, target: float = 1.0, noise: float = 0.5) -> None:
        super().__init__(weight, every)
        if noise < 0:
            raise UsageError(f"dragan.noise is {noise:g}, but it must not be negative. The default is 0.5.")
        self.target, self.noise = target, noise

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        real = context.real.detach()
        spread = real.flatten(1).std(1, correction=0).view(-1, *[1] * (real.dim() - 1))
        noise = context.draw.normal("dragan", *real.shape)
        return (slope(context.critic, real + self.noise * spread * noise) - self.target).square()
