"""The gradient penalty of WGAN-GP."""

from collections.abc import Callable

import torch
from torch import Tensor

from belamy.seeds import Draws


class Penalty:
    r"""Distance of the critic's gradient norm from a target, between real and generated samples.

    .. math:: (\lVert\nabla_{\hat x} D(\hat x)\rVert_2 - \gamma)^2, \qquad \hat x = x + u(\tilde x - x), u \sim U[0, 1)

    *Departs from the paper*: the norm's square root has a tiny constant, since its derivative at zero is infinite.

    References:
        Gulrajani et al. 2017, arXiv 1704.00028, equation 3.

    Args:
        weight: Factor in the discriminator's loss.
        every: Apply it on each ``every``-th step, scaled by ``every``.
        target: The wanted norm γ.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1, target: float = 1.0) -> None:
        self.weight, self.every, self.target = weight, every, target

    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, draw: Draws) -> Tensor:
        """``[N]`` from images ``[N, C, H, W]``."""
        u = draw.uniform("gradient-penalty", len(real), *[1] * (real.dim() - 1))
        between = torch.lerp(real.detach(), fake.detach(), u).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        norm = (gradient.square().flatten(1).sum(1) + 1e-12).sqrt()
        return (norm - self.target).square()
