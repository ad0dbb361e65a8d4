"""How wide the drawing is."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.data.measures._ink import drawn


class Measure:
    """Columns from the first to the last that hold ink, of at least half the image's strongest; 0 without ink."""

    words = ("narrow", "wide")
    unit = "pixels"

    def __call__(self, images: Tensor) -> Tensor:
        """Width of each image."""
        columns = drawn(images).any(1)  # [n, W]
        place = torch.arange(columns.shape[1])
        first = torch.where(columns, place, columns.shape[1]).amin(1)
        last = torch.where(columns, place, -1).amax(1)
        return (last - first + 1).clamp_min(0).double()
