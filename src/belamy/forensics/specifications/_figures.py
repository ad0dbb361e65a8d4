"""What is drawn and what is ground: grey values, ink, where it lies."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data import figures

THRESHOLD = 64
"""Grey levels from the ground from which on a pixel is ink."""


def grey(images: Tensor) -> Tensor:
    """The mean of the channels, 0..255.  # [n, C, H, W] -> [n, H, W] float32"""
    return images.float().mean(1)


def contrast(images: Tensor) -> Tensor:
    """Distance of each pixel from the ground, which is the median of an image's border.  # [n, H, W] float32, 0..255"""
    return figures.contrast(images.float())


def ink(images: Tensor) -> Tensor:
    """Which pixels stand out from the ground.  # [n, H, W] bool"""
    return contrast(images) > THRESHOLD


def centre(images: Tensor, axis: int) -> Tensor:
    """Place of the ink's centre of mass along rows (1) or columns (2), from 0 to 1; ½ without ink.  # [n] float64"""
    weight = contrast(images).double().sum(3 - axis)
    place = torch.linspace(0, 1, weight.shape[1], dtype=torch.float64)
    return torch.where(weight.sum(1) > 0, weight @ place / weight.sum(1).clamp_min(1e-9), 0.5)
