"""How bright the brightest pixel is."""

from __future__ import annotations

from torch import Tensor


class Specification:
    """The largest value of an image."""

    title = "Brightest value"
    says = "the largest value is {low} to {high}"

    def measure(self, images: Tensor) -> Tensor:
        return images.flatten(1).amax(1).double()
