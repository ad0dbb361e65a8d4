"""How near each image is to the nearest real one: copies of what was learned, and images that are near to nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation import neighbours
from belamy.evaluation.neighbours import Nearest, nearest_within

_LEAST = 1e-6
"""Distance below which images are the same, where its logarithm is taken."""


def nearest(values: Tensor, reference: Tensor) -> Nearest:
    """Root mean square distances per value to the two nearest reference images, the nearer first, and which they are.

    Args:
        values: Images; each is not its own neighbour where they are the reference itself.  # [n, C, H, W]
        reference: Real images.  # [k, C, H, W]
    """
    within = values is reference
    rows, count = reference.flatten(1), min(2, len(reference) - within)
    found = nearest_within(rows, count) if within else neighbours.nearest(values.flatten(1), rows, count)
    return Nearest(found.distances / rows.shape[1] ** 0.5, found.indices)


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
