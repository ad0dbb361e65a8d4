"""How high the drawing stands."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.specifications._figures import contrast


class Specification:
    """Vertical place of the ink's centre of mass, from 0 at the top to 1 at the bottom; ½ without ink."""

    title = "Centre, vertical"
    says = "the centre of mass lies at {low} to {high} of the height"

    def measure(self, images: Tensor) -> Tensor:
        weight = contrast(images).double().sum(2)  # [n, H]
        place = torch.linspace(0, 1, weight.shape[1], dtype=torch.float64)
        return torch.where(weight.sum(1) > 0, weight @ place / weight.sum(1).clamp_min(1e-9), 0.5)
