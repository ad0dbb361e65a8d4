"""What can be seen of volumes without anything learned: how full they are, and where."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool3d

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities.fields import Field
from belamy.modalities.volume import densities
from belamy.ranges import Within


class Extractor:
    """Mean occupancies, 0 to 1, of the cells of a coarse grid laid over the volume.

    They tell where there is how much, but nothing of what is finer than a cell: whether legs touch the ground.

    Args:
        field: Of the volumes.
        cells: Along a side of the grid, at most.

    Raises:
        UsageError: No cells, or more than 16.
    """

    modalities = ("volume",)
    name = "voxels"
    classes = 0
    layer = resize = ""
    notes: Sequence[str] = ()

    def __init__(self, field: Field, *, cells: int = 6) -> None:
        Within(1, 16).check("voxels.cells", cells)
        self.grid = [min(cells, side) for side in field.shape[1:]]
        self.size = field.shape[0] * self.grid[0] * self.grid[1] * self.grid[2]
        self.digest = "x".join(map(str, self.grid))

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """Features ``[n, size]`` of volumes ``[n, 1, D, H, W]``."""
        depth, height, width = self.grid
        cells = adaptive_avg_pool3d(densities(images).to(torch.float64), (depth, height, width))
        return ExtractedFeatures(cells.flatten(1), None, labels, images)
