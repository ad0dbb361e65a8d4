"""How rough the ground is."""

from __future__ import annotations

from torch import Tensor

from belamy.forensics.specifications._figures import THRESHOLD, contrast


class Specification:
    """Share of pixels that are nearly ground but not quite: above 0 and up to a sixteenth of the ink's threshold."""

    title = "Faint pixels"
    says = "{low} to {high} of the pixels differ from the ground by a trace"

    def measure(self, images: Tensor) -> Tensor:
        apart = contrast(images)
        return ((apart > 0) & (apart <= THRESHOLD / 16)).double().mean((1, 2))
