"""How sharp edges are."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.specifications._figures import grey


class Specification:
    """Largest difference of two neighbouring pixels, in grey levels."""

    title = "Sharpest edge"
    says = "the sharpest edge is {low} to {high} grey levels high"

    def measure(self, images: Tensor) -> Tensor:
        plane = grey(images)
        down, across = plane.diff(dim=1).abs().flatten(1), plane.diff(dim=2).abs().flatten(1)
        return torch.cat([down, across], 1).amax(1).double()
