"""What an extractor sees in samples: all that a metric is told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.modalities.fields import Field


@dataclass(frozen=True)
class ExtractedFeatures:
    """What is seen in n images.

    Args:
        features: Numbers that describe each image.  # [n, d] float64
        probabilities: Of each class, where the extractor tells classes apart.  # [n, K] float64
        labels: The class that each image is known, or was asked, to be.  # [n] long
        images: The samples themselves as files hold them, not copied: of pictures uint8 [n, C, H, W].  # [n, …]
        field: What they are, where that is known; pictures otherwise.

    Raises:
        UsageError: Features that are no table of finite numbers, or tables of different lengths.
    """

    features: Tensor
    probabilities: Tensor | None = None
    labels: Tensor | None = None
    images: Tensor | None = None
    field: Field | None = None

    def __post_init__(self) -> None:
        if self.features.dim() != 2:
            raise UsageError(f"Features are of shape {list(self.features.shape)}, but they must be [images, numbers].")
        if not torch.isfinite(self.features).all():
            raise UsageError("Some features are NaN or infinite: the images or the extractor's weights are damaged.")
        others = (("probabilities", self.probabilities), ("labels", self.labels), ("images", self.images))
        for name, other in others:
            if other is not None and len(other) != len(self.features):
                raise UsageError(f"There are {len(self.features):,} rows of features, but {len(other):,} {name}.")

    def __len__(self) -> int:
        return len(self.features)

    @property
    def told(self) -> Tensor | None:
        """The most probable class of each image.  # [n] long"""
        return None if self.probabilities is None else self.probabilities.argmax(1)
