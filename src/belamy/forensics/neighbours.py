"""How near each image is to the nearest real one: copies of what was learned, and images that are near to nothing."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6


def nearest(values: Tensor, reference: Tensor, itself: bool = False, block: int = 500) -> tuple[Tensor, Tensor]:
    r"""Root mean square distances per value to the two nearest reference images, and which they are.

    They are found by :math:`\lVert r\rVert^2 - 2 x\cdot r` and then measured exactly, so that copies are at 0.

    Args:
        values: Images.  # [n, C, H, W]
        reference: Real images.  # [k, C, H, W]
        itself: Whether the images are the reference, of which each is not its own neighbour.
        block: Images compared at a time.

    Returns:
        # [n, 2] float64, the nearer first, and [n, 2] long
    """
    rows, others = values.flatten(1), reference.flatten(1)
    squares = others.square().sum(1)
    distances, places = [], []
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        apart = torch.addmm(squares.unsqueeze(0), part, others.T, alpha=-2)
        if itself:
            own = torch.arange(len(part))
            apart[own, start + own] = torch.inf
        chosen = apart.topk(min(2, len(others)), largest=False).indices  # [b, 2]
        exact = (part.unsqueeze(1) - others[chosen]).double().square().mean(2).sqrt()
        order = exact.argsort(1)
        distances.append(exact.gather(1, order))
        places.append(chosen.gather(1, order))
    return torch.cat(distances), torch.cat(places)


def describe(distances: Tensor) -> Tensor:
    """Distance to the nearest, its logarithm, and its ratio to the second.  # [n, 2] -> [n, 3] float64"""
    first, second = distances[:, 0], distances[:, -1]
    ratio = torch.where(second > 0, first / second.clamp_min(1e-12), 1.0)
    return torch.stack([first, (first + _LEAST).log(), ratio], 1)


def repeated(images: Tensor) -> int:
    """How many uint8 images are exact copies of an earlier one.  # [n, C, H, W]

    Example:
        >>> repeated(torch.zeros(3, 1, 2, 2, dtype=torch.uint8))
        2
    """
    return len(images) - len(images.flatten(1).unique(dim=0))
