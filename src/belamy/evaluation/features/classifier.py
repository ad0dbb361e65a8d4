"""What a trained classifier sees: the features before its last layer, and the probabilities after it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from belamy.data import to_float
from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures

PART = 500
"""Images that are looked at together."""


class ClassifierFeatures:
    """The penultimate features of a trained classifier.

    Images are looked at as they are written to files: uint8, at their own size.

    Args:
        network: A classifier with ``features(images)`` and ``head(features)``, in evaluation mode from here on.
        name: What it is called on cards.
        accuracy: How many held-out images it tells right, for cards.
        notes: What must be known of all numbers made with it.

    Raises:
        UsageError: The network does not part into features and head.
    """

    layer, resize = "before the last", ""

    def __init__(self, network: nn.Module, name: str, accuracy: str = "", notes: Sequence[str] = ()) -> None:
        head: Any = getattr(network, "head", None)
        if not callable(getattr(network, "features", None)) or not isinstance(head, nn.Module):
            raise UsageError(f"The classifier '{name}' shows no features before its last layer. Choose 'convnet'.")
        network.eval().requires_grad_(False)
        self.network: Any = network
        self.name, self.accuracy, self.notes = name, accuracy, notes
        self.digest = weights_digest(network.state_dict())
        last = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
        self.size, self.classes = last.in_features, last.out_features

    @torch.no_grad()
    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        where = next(self.network.parameters())
        features, probabilities = [], []
        for part in images.split(PART):
            found = self.network.features(to_float(part).to(where.device, where.dtype))
            features.append(found.double().cpu())
            probabilities.append(self.network.head(found).double().softmax(1).cpu())
        return ExtractedFeatures(torch.cat(features), torch.cat(probabilities), labels, images)


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """The first 16 digits of the SHA-256 over names, types, shapes and bytes of tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
