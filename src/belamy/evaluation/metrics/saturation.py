"""How many pixels of generated images are at an end of the range: clipped, where real ones are not."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import mean
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval

NEAR = 2
"""Levels of 256 from an end that count as at it."""


class Metric(BaseMetric):
    """Mean share of an image's values, of all channels, that are at most 2 levels of 256 from black or from white.

    Of real images it is what it is, large where they are drawn on white; far more than that says that samples are
    driven against the ends, as by too strong a guidance. The interval is over draws of the images.

    References:
        Ho & Salimans 2022, arXiv 2207.12598; why guided pixels leave the range: Saharia et al. 2022, arXiv 2205.11487,
        section 2.3.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images"})
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self) -> None:
        self.shares: list[Tensor] = []

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        if fake is not None and fake.images is not None and len(fake.images):
            self.shares.append(at_ends(fake.images))

    def merge(self, other: Metric) -> None:
        self.shares += other.shares

    def compute(self) -> dict[str, float]:
        return {"saturation": float(torch.cat(self.shares).mean())} if self.shares else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        return {"saturation": mean(torch.cat(self.shares))} if self.shares else {}


def at_ends(images: Tensor) -> Tensor:
    """The share of each uint8 image's values that are at an end.  # [n, C, H, W] to [n] float64

    Example:
        >>> at_ends(torch.tensor([[[[0, 2, 128, 255]]]], dtype=torch.uint8))
        tensor([0.7500], dtype=torch.float64)
    """
    return ((images <= NEAR) | (images >= 255 - NEAR)).double().flatten(1).mean(1)
