"""How much fine detail generated images have, against real ones: blur takes it away, noise adds to it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.metrics.neighbours import ratio
from belamy.evaluation.statistics import Interval

LEAST = 3
"""Pixels along a side that a Laplacian takes."""


class Metric(BaseMetric):
    r"""Median share of fine detail in generated images over that in real ones: 1 is alike, less is blur, more is noise.

    .. math:: \frac{\mathrm{mean}\,(\Delta x)^2}{\mathrm{var}\,x}, \qquad
        \Delta x = 4x_{ij} - x_{i-1,j} - x_{i+1,j} - x_{i,j-1} - x_{i,j+1}

    of the mean of an image's channels, so that neither brightness nor contrast counts. Images of one grey level are
    left out. The interval is over draws of both sets.

    References:
        The Laplacian as a measure of focus: Pertuz, Puig & García 2013, "Analysis of focus measure operators".
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images"})
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self) -> None:
        self.found: dict[str, list[Tensor]] = {"real": [], "fake": []}

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        for side, seen in (("real", real), ("fake", fake)):
            if seen is not None and seen.images is not None and min(seen.images.shape[2:]) >= LEAST:
                self.found[side].append(detail(seen.images))

    def merge(self, other: Metric) -> None:
        for side, parts in other.found.items():
            self.found[side] += parts

    def compute(self) -> dict[str, float]:
        real, fake = (torch.cat([torch.empty(0, dtype=torch.float64), *self.found[side]]) for side in ("real", "fake"))
        middle = float(real.median()) if len(real) else 0.0
        return {"sharpness": float(fake.median()) / middle} if len(fake) and middle else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self.compute():
            return {}
        return {"sharpness": ratio(torch.cat(self.found["fake"]), torch.cat(self.found["real"]), seed)}


def detail(images: Tensor) -> Tensor:
    """The share of fine detail in each uint8 image ``[n, C, H, W]`` that is not of one grey level.  # [m] float64

    Example:
        >>> board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 255
        >>> detail(board.to(torch.uint8)[None, None]).item()
        64.0
    """
    grey = images.double().mean(1)
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    energy, spread = (4 * middle - around).square().mean((1, 2)), (grey - grey.mean((1, 2), True)).square().mean((1, 2))
    return energy[spread > 0] / spread[spread > 0]
