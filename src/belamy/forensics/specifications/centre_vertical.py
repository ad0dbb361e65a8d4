"""How high the drawing stands."""

from __future__ import annotations

from torch import Tensor

from belamy.forensics.specifications._figures import centre


class Specification:
    """Vertical place of the ink's centre of mass, from 0 at the top to 1 at the bottom; ½ without ink."""

    title = "Centre, vertical"
    says = "the centre of mass lies at {low} to {high} of the height"

    def measure(self, images: Tensor) -> Tensor:
        return centre(images, 1)
