"""Structural similarity."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs import pictures
from belamy.evaluation.pairs._structure import WINDOW, compare


class Pair:
    """Mean structural similarity of each picture: 1 for an exact copy, at least -1; channels are averaged.

    Luminance, contrast and structure are compared in a Gaussian window at every place where it fits whole.

    References:
        Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equations 13, 17.

    Args:
        data_range: Largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].

    Raises:
        UsageError: Pictures smaller than the window of 11 × 11.
    """

    higher_is_better = True

    def __init__(self, *, data_range: float) -> None:
        self.data_range = data_range

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = pictures(reference, estimate, self.data_range)
        height, width = reference.shape[2:]
        if min(height, width) < WINDOW:
            raise UsageError(
                f"These pictures are {height}×{width}, but the window of structural similarity is {WINDOW}×{WINDOW}. "
                "Compare larger pictures, or measure psnr."
            )
        return compare(reference, estimate, self.data_range).similarity
