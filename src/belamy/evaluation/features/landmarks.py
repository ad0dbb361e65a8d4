"""What can be seen of any kind of data whose samples have distances: how far each lies from some landmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from torch import Tensor

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities import modality

LANDMARKS, LEAST = 64, 4


class LandmarkFeatures:
    """Distances to training samples that are drawn once, each over the mean distance of two of these.

    The resort for kinds that have no extractor of their own. What the modality's distance does not see is not seen.

    References:
        Pękalska & Duin 2002, "Dissimilarity representations allow for building good classifiers".

    Args:
        data: Whose main field is seen.

    Raises:
        UsageError: Too few samples, or all alike.
    """

    classes = 0
    layer = resize = ""
    name = "distances"
    notes: Sequence[str] = ()

    def __init__(self, data: Dataset) -> None:
        self.field, self.kind = data.field, modality(data.field.modality)
        chosen = data.some_training(LANDMARKS, "landmarks")
        self.landmarks = data.store.read(chosen)
        self.size, self.modalities = len(chosen), (data.field.modality,)
        apart = self.kind.distances(self.landmarks, self.landmarks, self.field).double()
        self.scale = float(apart.fill_diagonal_(0).sum()) / max(self.size * (self.size - 1), 1)
        if self.size < LEAST or not self.scale > 0:
            raise UsageError(f"{data.name} has too few {self.kind.words[1]} that differ, so none can be told apart.")
        self.digest = hashlib.sha256(self.landmarks.contiguous().numpy().tobytes()).hexdigest()[:16]

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        distances = self.kind.distances(images, self.landmarks, self.field).double().cpu() / self.scale
        return ExtractedFeatures(distances, None, labels, images)
