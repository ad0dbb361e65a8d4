"""How far to the right the drawing stands."""

from __future__ import annotations

from torch import Tensor

from belamy.forensics.specifications._figures import centre


class Specification:
    """Horizontal place of the ink's centre of mass, from 0 at the left to 1 at the right; ½ without ink."""

    title = "Centre, horizontal"
    says = "the centre of mass lies at {low} to {high} of the width"

    def measure(self, images: Tensor) -> Tensor:
        return centre(images, 2)
