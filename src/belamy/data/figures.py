"""What is drawn in pictures, and what is ground: how far a pixel is from the ground, and connected pieces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def contrast(values: Tensor) -> Tensor:
    """Distance of each pixel from the ground, the median of the image's border, in its most different channel.

    Args:
        values: Of pixels, on any scale, which is that of the distance.  # float [n, C, H, W]

    Returns:
        Distances.  # [n, H, W]
    """
    edge = torch.cat([values[..., 0, :], values[..., -1, :], values[..., 0], values[..., -1]], 2)  # [n, C, 2H + 2W]
    ground = edge.median(2).values[:, :, None, None]
    return (values - ground).abs().amax(1)


def pieces(mask: Tensor, corners: bool = True) -> Tensor:
    """How many pixels each connected piece of an image has, filled up with 0.  # [n, H, W] bool -> [n, k] long

    Args:
        mask: Which pixels belong to pieces.
        corners: Whether pixels are neighbours that touch at a corner alone.
    """
    from scipy.ndimage import generate_binary_structure, label

    near = np.zeros((3, 3, 3))  # images are not each other's neighbours
    near[1] = generate_binary_structure(2, 2 if corners else 1)
    labels = torch.from_numpy(label(mask.numpy(), near)[0]).long().flatten(1)
    before = functional.pad(labels.amax(1).cummax(0).values, (1, 0))[:-1]  # pieces are numbered image by image
    own = (labels - before[:, None]).clamp(min=0)
    found = torch.zeros(len(mask), max(1, int(own.max())) + 1, dtype=torch.long)
    return found.scatter_add_(1, own, torch.ones_like(own))[:, 1:]
