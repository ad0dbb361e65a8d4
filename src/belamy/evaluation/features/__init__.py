"""Extractors: what looks at samples on behalf of the metrics.

A file here, or another package's by an entry point, may hold one for other kinds than pictures as its class
``Extractor(field, *, …)``, which gets the field of the data: without ``--extractor`` the first by name that declares
the kind is taken.

Numbers made with different extractors cannot be compared, so an extractor gives its name, and a digest of whatever
else decides what it sees.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.registry import Registry

EXTRACTORS = Registry("belamy.evaluation.features", "extractor", "Extractor")


class Extractor(Protocol):
    """What an extractor can do.

    Attributes:
        name: What it is, in a word.
        digest: Identifies its weights and how they are used.
        size: How many numbers describe an image.
        classes: How many classes it tells apart; 0 for none.
        layer: Whose output the features are; empty where that goes without saying.
        resize: How it brings images to its own size; empty if it does not.

    Four more are optional: ``modalities``, the kinds of samples that it sees, without which it sees pictures;
    ``published``, whether it takes a file of weights: its constructor is given ``weights``, ``cache`` and ``offline``
    if it has such parameters; ``accuracy``, how many held-out images it tells right if it was trained on the data, and
    ``notes``, what must be known of all numbers made with it.
    """

    name: str
    digest: str
    size: int
    classes: int
    layer: str
    resize: str

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """What is in uint8 images ``[n, C, H, W]``, with their labels ``[n]`` where they are known or asked for.

        The images themselves pass through. However they are divided, features agree to 1e-5 of their size: float32
        convolutions of few images add in another order than those of many.
        """
        ...


def kinds_of(extractor: object) -> tuple[str, ...]:
    """The modalities that an extractor, or its class, declares."""
    found: tuple[str, ...] = getattr(extractor, "modalities", ("image",))
    return found
