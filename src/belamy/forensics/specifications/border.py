"""Whether the drawing touches the border."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.specifications._figures import ink


class Specification:
    """Share of the border's pixels that are ink."""

    title = "Ink on the border"
    says = "{low} to {high} of the border is ink"

    def measure(self, images: Tensor) -> Tensor:
        mask = ink(images)
        inside = mask[:, 1:-1, 1:-1].sum((1, 2))
        edge = 2 * sum(mask.shape[1:]) - 4
        return torch.as_tensor(mask.sum((1, 2)) - inside).double() / edge
