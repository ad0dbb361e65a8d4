"""Where a volume is full: profiles, surface, symmetry, lone cells."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, avg_pool3d

from belamy.modalities.fields import Field
from belamy.modalities.volume import densities

PARTS = 8


class SampleTrace:
    """How full a volume and its slices in three directions are; of cells those that border on others, those without
    their mirror image, and those with no neighbour.

    Args:
        field: Of the volumes.
    """

    modalities = ("volume",)
    title = "Occupancy and surface"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        solid = densities(raw).double()[:, 0]  # [n, D, H, W] in [0, 1]
        found = [solid.flatten(1).mean(1)[:, None]]
        for axis in (1, 2, 3):
            others = tuple(each for each in (1, 2, 3) if each != axis)
            slices = solid.mean(others)
            found.append(adaptive_avg_pool1d(slices[:, None], min(PARTS, slices.shape[1]))[:, 0])
            found.append((solid - solid.flip(axis)).abs().flatten(1).mean(1)[:, None])
            found.append(solid.diff(dim=axis).abs().flatten(1).mean(1)[:, None])
        full = (solid > 0.5).double()
        around = avg_pool3d(full[:, None], 3, 1, 1, count_include_pad=True)[:, 0] * 27 - full
        lone = ((full > 0.5) & (around < 0.5)).double().flatten(1).mean(1)
        return torch.cat([*found, lone[:, None]], 1)
