"""What can be seen without anything learned: the picture, made small."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from belamy.evaluation.extracted import ExtractedFeatures


class PixelFeatures:
    """Mean values, 0 to 1, of the fields of a grid laid over the image.

    They tell layout and colour, but nothing of sharpness or of what is shown: the resort for data without labels.

    Args:
        shape: (channels, height, width) of the images.
        side: Fields along a side of the grid, at most.
    """

    classes = 0
    layer = resize = ""

    def __init__(self, shape: tuple[int, ...], side: int = 8) -> None:
        channels, height, width = shape
        self.grid = (min(side, height), min(side, width))
        self.size = channels * self.grid[0] * self.grid[1]
        self.name, self.digest = "pixels", f"{self.grid[0]}x{self.grid[1]}"

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        return ExtractedFeatures(
            (adaptive_avg_pool2d(images.double(), self.grid) / 255).flatten(1), None, labels, images
        )
