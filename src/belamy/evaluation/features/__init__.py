"""Extractors: what looks at pixels on behalf of the metrics.

Numbers made with different extractors cannot be compared, so an extractor gives its name, and a digest of whatever
else decides what it sees.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from belamy.evaluation.seen import Seen


class Extractor(Protocol):
    """What an extractor can do.

    Attributes:
        name: What it is, in a word.
        digest: Identifies its weights and how they are used.
        size: How many numbers describe an image.
        classes: How many classes it tells apart; 0 for none.
    """

    name: str
    digest: str
    size: int
    classes: int

    def look(self, images: Tensor, labels: Tensor | None = None) -> Seen:
        """What is in uint8 images ``[n, C, H, W]``, with their labels ``[n]`` where they are known or asked for."""
        ...
