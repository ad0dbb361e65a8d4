"""How steep a critic is at given images."""

from collections.abc import Callable

import torch
from torch import Tensor


def squared_slope(critic: Callable[..., Tensor], *judged: Tensor) -> Tensor:
    """``[N]``: squared Euclidean norm of the score's gradient at each image ``[N, C, H, W]``, or at each pair of more.

    Args:
        critic: Scores ``[N]`` of what it is given.
        judged: What it is given: images, say, or images and codes.
    """
    at = [each.detach().requires_grad_() for each in judged]
    gradients = torch.autograd.grad(critic(*at).sum(), at, create_graph=True)
    return torch.stack([gradient.square().flatten(1).sum(1) for gradient in gradients]).sum(0)


def slope(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``[N]``: norm of the score's gradient at each image; a tiny constant keeps the root's own derivative finite."""
    return (squared_slope(critic, images) + 1e-12).sqrt()
