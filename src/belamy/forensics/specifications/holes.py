"""How many holes the drawing has."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from belamy.data.figures import pieces
from belamy.forensics.specifications._figures import ink


class Specification:
    """Connected pieces of ground that do not reach the border; pixels that touch at a corner alone are apart."""

    title = "Holes"
    says = "the drawing has {low} to {high} hole(s)"

    def measure(self, images: Tensor) -> Tensor:
        ground = functional.pad(~ink(images), (1, 1, 1, 1), value=True)  # the outside joins what reaches the border
        return (pieces(ground, corners=False) > 0).sum(1).double() - 1
