"""How dark the darkest pixel is."""

from __future__ import annotations

from torch import Tensor


class Specification:
    """The smallest value of an image."""

    title = "Darkest value"
    says = "the smallest value is {low} to {high}"

    def measure(self, images: Tensor) -> Tensor:
        return images.flatten(1).amin(1).double()
