"""Whether a drawing is of one piece, specks aside."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data.figures import pieces
from belamy.forensics.specifications._figures import ink


class Specification:
    """Share of the ink that belongs to the largest connected piece; 1 where there is no ink."""

    title = "Stroke continuity"
    says = "{low} to {high} of the ink is one piece"

    def measure(self, images: Tensor) -> Tensor:
        counts = pieces(ink(images)).double()
        total = counts.sum(1)
        return torch.where(total > 0, counts.amax(1) / total.clamp_min(1), 1.0)
