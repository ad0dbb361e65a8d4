"""What a pretrained network sees, whichever it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from belamy.data.weights import as_safetensors
from belamy.errors import DataError, UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features.classifier import weights_digest
from belamy.evaluation.resizing import clean_bicubic
from belamy.modalities.colours import has_opacity, recolour

PART = 50
"""Images that are looked at together."""
MOST_OF_COLOURS = 4
"""Channels of colours and opacity."""

Sight = Callable[[Tensor], tuple[Tensor, Tensor | None]]


class NetworkFeatures:
    """The features of a network, and the probabilities where it tells classes apart.

    Args:
        name: What it is called on cards.
        network: Whose weights identify it; frozen and in evaluation mode from here on.
        sight: Features ``[n, size]`` and logits ``[n, classes]`` or None of uint8 images ``[n, C, H, W]``, which are on
            the network's device.
        size: How many features.
        classes: How many logits.
        layer: Whose output the features are.
        resize: How images are brought to the network's size.
    """

    notes: Sequence[str] = ()

    def __init__(
        self, name: str, network: nn.Module, sight: Sight, *, size: int, classes: int = 0, layer: str, resize: str
    ) -> None:
        network.eval().requires_grad_(False)
        self.network, self.sight = network, sight
        self.name, self.size, self.classes, self.layer, self.resize = name, size, classes, layer, resize
        use = repr((weights_digest(network.state_dict()), layer, resize))
        self.digest = hashlib.sha256(use.encode()).hexdigest()[:16]

    @torch.no_grad()
    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        device = next(self.network.parameters()).device
        seen = [self.sight(coloured(part).to(device)) for part in images.split(PART)]
        features = torch.cat([features.double().cpu() for features, _ in seen])
        logits = [logits.double().softmax(1).cpu() for _, logits in seen if logits is not None]
        return ExtractedFeatures(features, torch.cat(logits) if logits else None, labels, images)


def coloured(images: Tensor) -> Tensor:
    """Pictures as networks of photographs see them: opacity lies on white.  # uint8 [n, 1 or 3, H, W]

    Raises:
        UsageError: Their channels are no colours.
    """
    channels = images.shape[1]
    if channels > MOST_OF_COLOURS:
        raise UsageError(
            f"Networks of photographs see grey or colour, but these images have {channels} channels. Type --extractor "
            "pixels."
        )
    return recolour(images, 3) if has_opacity(channels) else images


def normalised(images: Tensor, side: int, means: Sequence[float], deviations: Sequence[float]) -> Tensor:
    """(x - mean)/deviation by colour, of images in [0, 1] after the clean resize.  # [n, 3, side, side]"""
    values = clean_bicubic(images.expand(-1, 3, -1, -1), side, side) / 255
    return (values - values.new_tensor(means).view(3, 1, 1)) / values.new_tensor(deviations).view(3, 1, 1)


def loaded(name: str, load: Callable[[], Any]) -> Any:
    """A network that another library loads.

    Raises:
        DataError: It cannot, for whatever reason of its own.
    """
    try:
        return load()
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{name} cannot be loaded: {reason}. Without a network, give its file with --extractor-weights."
        ) from error


def foreign_weights(name: str, file: str, weights: Path | None, offline: bool) -> str | None:
    """The file of another library's network; None lets that library fetch it.

    Args:
        name: Of the network.
        file: What the published file is called, in words.
        weights: Where the user has it.
        offline: Never touch the network.

    Raises:
        DataError: It is no safetensors file, or none is given and fetching is forbidden.
    """
    if weights is None and offline:
        raise DataError(
            f"--offline forbids to fetch the weights of {name}. Leave it out, or give the file {file} with "
            "--extractor-weights FILE."
        )
    return None if weights is None else as_safetensors(weights)
