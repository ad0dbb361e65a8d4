"""How much an image is its own mirror image."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.specifications._figures import grey


class Specification:
    """Correlation of an image with its mirror image, left and right exchanged; 1 where nothing varies."""

    title = "Mirror symmetry"
    says = "the correlation with the mirror image is {low} to {high}"

    def measure(self, images: Tensor) -> Tensor:
        plane = grey(images).double()
        plane = plane - plane.mean((1, 2), keepdim=True)
        power = plane.square().sum((1, 2))
        return torch.where(power > 0, (plane * plane.flip(2)).sum((1, 2)) / power.clamp_min(1e-9), 1.0)
