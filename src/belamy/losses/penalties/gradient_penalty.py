"""The gradient penalty of WGAN-GP."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu

from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.gradients import slope
from belamy.losses.penalty_context import PenaltyContext


class Penalty(BasePenalty):
    r"""Distance of the critic's gradient norm from a target, between real and generated samples.

    .. math:: (\lVert\nabla_{\hat x} D(\hat x)\rVert_2 - \gamma)^2, \qquad \hat x = x + u(\tilde x - x), u \sim U[0, 1)

    One-sided it is :math:`\max(0, \lVert\nabla D\rVert_2 - \gamma)^2`; relative to γ it is divided by γ².

    *Departs from the paper*: the norm's square root has a tiny constant, since its derivative at zero is infinite.

    References:
        Gulrajani et al. 2017, arXiv 1704.00028, equation 3 and, on the sides, section 4; relative to γ, 750 for
        CIFAR-10: Karras et al. 2017, arXiv 1710.10196, appendix A.1.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        target: The wanted norm γ.
        sided: Whether norms below γ cost anything (``two``) or not (``one``).
        relative: Divide by γ².

    Raises:
        UsageError: A negative ``target``, or 0 where it divides.
    """

    def __init__(
        self,
        *,
        weight: float = 10.0,
        every: int = 1,
        target: float = 1.0,
        sided: Literal["two", "one"] = "two",
        relative: bool = False,
    ) -> None:
        super().__init__(weight, every)
        if target < 0 or (relative and target == 0):
            raise UsageError(
                f"gradient-penalty.target is {target:g}, but a norm must be {'above 0' if relative else 'at least 0'}"
                f"{' to be divided by' if relative else ''}. The default is 1."
            )
        self.target, self.one_sided, self.scale = target, sided == "one", 1 / target**2 if relative else 1.0

    def forward(self, context: PenaltyContext) -> Tensor:
        """``[N]``."""
        u = context.draw.uniform("gradient-penalty", len(context.real), *[1] * (context.real.dim() - 1))
        between = torch.lerp(context.real.detach(), context.fake.detach().to(context.real.dtype), u)
        excess = slope(context.critic, between) - self.target
        return self.scale * (relu(excess) if self.one_sided else excess).square()
