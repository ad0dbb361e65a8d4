"""What distances of samples tell where no picture is made: copies, variety, and faults of texts and sounds."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.training.watch.patch_features import chosen
from belamy.training.watch.sound_faults import sound_faults, sound_traits
from belamy.training.watch.text_faults import text_faults

REFERENCE, HELD, FEW = 256, 64, 8
"""Training samples that are compared with, held-out ones that say what is usual, and the fewest that can."""
COPY = 0.4


class SampleDistances:
    """Compares samples with training data by the distances of their modality.

    Args:
        dataset: Its training samples are compared with.
        name: The field that samples are of.
        field: What it is.
    """

    def __init__(self, dataset: Dataset, name: str, field: Field) -> None:
        self.field, self.kind, store = field, modality(field.modality), dataset.columns[name].store
        indices = chosen(dataset.indices("train"), REFERENCE, "train")
        held = chosen(dataset.splits.get("test", indices[:0]), HELD, "held-out")
        self.reference, self.others = store.read(indices), store.read(held)

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances of all pairs.  # [n, m]"""
        return self.kind.distances(a, b, self.field)

    @cached_property
    def spread(self) -> float:
        """Mean distance of two training samples."""
        return _variety(self.between(self.reference[:HELD], self.reference[:HELD]))

    @cached_property
    def usual(self) -> float:
        """Median distance from a sample that was not learned from to the nearest that was."""
        if len(self.others) >= FEW:
            found = self.between(self.others, self.reference)
        else:
            found = self.between(self.reference, self.reference).clone().fill_diagonal_(float("inf"))
        return max(float(found.min(1).values.median()), 0.02 * self.spread)

    @cached_property
    def usual_sounds(self) -> dict[str, float]:
        """The traits of training sounds."""
        return sound_traits(self.kind.to_float(self.reference, self.field))

    @torch.no_grad()
    def seen(self, values: Tensor) -> dict[str, Any]:
        """The row of samples as networks make them; nothing where the data do not differ."""
        made = self.kind.to_raw(values.cpu(), self.field)
        if len(self.reference) < FEW or not self.spread > 0:
            return {}
        distances = self.between(made, self.reference).min(1).values
        return {
            "diversity": _variety(self.between(made, made)) / self.spread,
            "nearest": float(distances.median()) / self.usual,
            "copies": float((distances < COPY * self.usual).float().mean()),
            **self.faults(made),
        }

    def faults(self, made: Tensor) -> dict[str, Any]:
        """What is wrong with samples of this kind, as files hold them."""
        if self.field.modality == "text":
            return text_faults(made, self.reference, self.field)
        if self.field.modality == "audio":
            return sound_faults(self.kind.to_float(made, self.field), self.usual_sounds)
        return {}


def _variety(distances: Tensor) -> float:
    """The mean over pairs of different samples."""
    count = len(distances)
    return float(distances.double().fill_diagonal_(0).sum()) / max(count * (count - 1), 1)
