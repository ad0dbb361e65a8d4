"""How steep a critic is at given images."""

from collections.abc import Callable

import torch
from torch import Tensor


def squared_slope(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``[N]``: squared Euclidean norm of the score's gradient at each image ``[N, C, H, W]``."""
    at = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def slope(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``[N]``: norm of the score's gradient at each image; a tiny constant keeps the root's own derivative finite."""
    return (squared_slope(critic, images) + 1e-12).sqrt()
