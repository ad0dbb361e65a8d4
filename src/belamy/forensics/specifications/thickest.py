"""How thick the thickest place is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from belamy.forensics.specifications._figures import ink


class Specification:
    """Side of the largest square that fits into the ink, in pixels, rounded up to an odd number; 0 without ink."""

    title = "Thickest place"
    says = "the largest square within the ink has a side of {low} to {high} pixels"

    def measure(self, images: Tensor) -> Tensor:
        ground = 1 - functional.pad(ink(images), (1, 1, 1, 1)).float()[:, None]
        side = torch.zeros(len(images), dtype=torch.float64)
        while True:
            left = ground.flatten(1).amin(1) == 0
            if not left.any():
                return (2 * side - 1).clamp_min(0)
            side += left.double()
            ground = functional.max_pool2d(ground, 3, 1, 1)
