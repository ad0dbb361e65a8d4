"""How much is drawn."""

from __future__ import annotations

from torch import Tensor

from belamy.forensics.specifications._figures import contrast


class Specification:
    """Mean distance of an image's pixels from its ground, in grey levels; the ground is the median of the border."""

    title = "Ink"
    says = "the mean distance from the ground is {low} to {high} grey levels"

    def measure(self, images: Tensor) -> Tensor:
        return contrast(images).double().mean((1, 2))
