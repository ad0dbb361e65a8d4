"""What can be seen of numbers without anything learned: the numbers, as networks see them."""

from __future__ import annotations

import hashlib
import json
from math import prod

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.ranges import Within


class Extractor:
    """Rows and vectors as networks see them; of series the means of parts, and how far each channel swings and leaps.

    Categories are a place each, 1 among -1; numbers of tables are their ranks, those of vectors and series are scaled
    by the training split's range.

    Args:
        field: What is seen.
        steps: Parts of a series, at most.

    Raises:
        UsageError: Fewer than 1 step.
    """

    modalities = ("series", "table", "vector")
    classes = 0
    layer = resize = ""

    def __init__(self, field: Field, *, steps: int = 32) -> None:
        Within(1).check("values.steps", steps)
        self.field, self.kind = field, modality(field.modality)
        self.steps = min(steps, field.shape[0]) if field.modality == "series" else 0
        self.size = field.shape[1] * (self.steps + 2) if self.steps else prod(field.shape)
        told = json.dumps([field.classes, field.facts], sort_keys=True, default=str)  # columns and ranges: the scale
        self.name = "values"
        self.digest = f"{field.modality}-{self.size}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        values = self.kind.to_float(images, self.field).double()
        if self.steps:
            channels = values.transpose(1, 2)  # [n, C, T]
            leaps = channels.diff(dim=2).abs().mean(2) if values.shape[1] > 1 else channels[:, :, 0] * 0
            parts = adaptive_avg_pool1d(channels, self.steps).flatten(1)
            values = torch.cat([parts, channels.std(2, correction=0), leaps], 1)
        return ExtractedFeatures(values.flatten(1), None, labels, images)
