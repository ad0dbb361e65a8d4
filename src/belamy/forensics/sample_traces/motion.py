"""How a film moves: changes from frame to frame, and edges within frames."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces._reduce import moments
from belamy.modalities import modality
from belamy.modalities.fields import Field


class SampleTrace:
    """Moments over time of the changes between frames and of the edges in them, and the share of pixels that stay.

    Args:
        field: Of the films.
    """

    modalities = ("video",)
    title = "Motion and edges"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        frames = modality("video").to_float(raw, self.field).double().mean(2)  # [n, T, H, W]
        edges = frames.diff(dim=2).abs().mean((2, 3)) + frames.diff(dim=3).abs().mean((2, 3))
        if frames.shape[1] < 2:
            return moments(edges)
        change = frames.diff(dim=1).abs()
        still = (change < 1 / 255).double().flatten(1).mean(1)
        return torch.cat([moments(change.mean((2, 3))), moments(edges), still[:, None]], 1)
