"""Into how many pieces the drawing falls."""

from __future__ import annotations

from torch import Tensor

from belamy.data.figures import pieces
from belamy.forensics.specifications._figures import ink


class Specification:
    """Connected pieces of ink; pixels that touch at a corner belong together."""

    title = "Pieces"
    says = "the drawing is in {low} to {high} piece(s)"

    def measure(self, images: Tensor) -> Tensor:
        return (pieces(ink(images)) > 0).sum(1).double()
