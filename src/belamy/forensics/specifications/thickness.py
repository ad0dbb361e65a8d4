"""How thick strokes are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from belamy.forensics.specifications._figures import ink


class Specification:
    r"""Mean width of the strokes in pixels, twice the area over the length of the outline; 0 where there is no ink.

    .. math:: 2A / L \qquad (w = 2lw / 2l \text{ for a bar whose length l is large against its width w})
    """

    title = "Stroke thickness"
    says = "strokes are {low} to {high} pixels thick"

    def measure(self, images: Tensor) -> Tensor:
        mask = functional.pad(ink(images), (1, 1, 1, 1)).double()
        outline = mask.diff(dim=1).abs().sum((1, 2)) + mask.diff(dim=2).abs().sum((1, 2))
        return torch.where(outline > 0, 2 * mask.sum((1, 2)) / outline.clamp_min(1), 0.0)
