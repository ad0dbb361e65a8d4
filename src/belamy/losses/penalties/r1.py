"""The zero-centred gradient penalty on real samples."""

from collections.abc import Callable

import torch
from torch import Tensor

from belamy.seeds import Draws


class Penalty:
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
        self.weight, self.every = weight, every

    def __call__(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, draw: Draws) -> Tensor:
        """``[N]`` from images ``[N, C, H, W]``; ``fake`` and ``draw`` are not used."""
        return squared_gradient(critic, real) / 2


def squared_gradient(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``[N]``: squared Euclidean norm of the score's gradient at each image."""
    at = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().flatten(1).sum(1)
