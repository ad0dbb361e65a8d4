"""One cue that tells generated images from real ones per file, found by its name.

A trace describes every image by a few numbers; who examines decides from them whether two sets of images differ, and
how surely. Nothing is learned here and no weights are needed.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from belamy.registry import Registry

TRACES = Registry("belamy.forensics.traces", "trace", "Trace")


class Trace(Protocol):
    """What a trace can do; one that derives from it need not write the usual.

    Attributes:
        title: What it looks at, as a heading.
        quantised: Whether the cue is there in uint8 images; otherwise it needs values that were not rounded.
        together: Whether an image is described by the others of its set, so that all must be given at once and the
            sets that are compared must be of one size; otherwise images may come in any parts.
    """

    title: str
    quantised: bool = True
    together: bool = False

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        """Why images of this shape (channels, height, width) do not have the cue; None if they can."""
        return None

    def describe(self, values: Tensor) -> Tensor:
        """Numbers ``[n, F]``, float64 and finite, of images ``[n, C, H, W]`` in [0, 1]."""
        ...

    def figure(self, real: Tensor, suspect: Tensor) -> str | None:
        """The cue in two sets of images ``[n, C, H, W]`` in [0, 1], as SVG; None where there is nothing to draw."""
        return None
