"""What is drawn and what is ground: grey values, ink, connected pieces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 64
"""Grey levels from the ground from which on a pixel is ink."""


def grey(images: Tensor) -> Tensor:
    """The mean of the channels, 0..255.  # [n, C, H, W] -> [n, H, W] float32"""
    return images.float().mean(1)


def contrast(images: Tensor) -> Tensor:
    """Distance of each pixel from the ground, which is the median of an image's border.  # [n, H, W] float32, 0..255"""
    values = images.float()
    edge = torch.cat([values[..., 0, :], values[..., -1, :], values[..., 0], values[..., -1]], 2)  # [n, C, 2H + 2W]
    ground = edge.median(2).values[:, :, None, None]
    return (values - ground).abs().amax(1)


def ink(images: Tensor) -> Tensor:
    """Which pixels stand out from the ground.  # [n, H, W] bool"""
    return contrast(images) > THRESHOLD


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


def centre(images: Tensor, axis: int) -> Tensor:
    """Place of the ink's centre of mass along rows (1) or columns (2), from 0 to 1; ½ without ink.  # [n] float64"""
    weight = contrast(images).double().sum(3 - axis)
    place = torch.linspace(0, 1, weight.shape[1], dtype=torch.float64)
    return torch.where(weight.sum(1) > 0, weight @ place / weight.sum(1).clamp_min(1e-9), 0.5)
