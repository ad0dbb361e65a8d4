"""How many different values there are."""

from __future__ import annotations

from torch import Tensor


class Specification:
    """Different values in an image, over all channels."""

    title = "Different values"
    says = "{low} to {high} different values occur"

    def measure(self, images: Tensor) -> Tensor:
        ordered = images.flatten(1).sort(1).values
        return 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(1).double()
