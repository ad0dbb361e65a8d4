"""Drawn styles: strokes, dots, glass, woodcut and marble in colours of their own."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from belamy.data.assembly import Raw, assemble
from belamy.data.dataset import Attribute, Dataset
from belamy.data.load_options import LoadOptions
from belamy.data.patterns import variation
from belamy.ranges import Within

SIDE = 128
TECHNIQUES = ("strokes", "broad strokes", "glass", "dots", "woodcut", "marble")


class Source:
    """Drawn patterns of 128x128 pixels, in six techniques and ever other colours: styles to learn from.

    They are drawn when the set is opened, ten a second.

    Args:
        count: How many.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("patterns:count=20")
        Dataset('patterns', 20 images of 3x128x128)
    """

    def __init__(self, *, count: int = 48) -> None:
        self.count = Within(6, 100_000).check("patterns.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The patterns, the six techniques in turn."""
        drawn = np.stack([self._half(number) for number in range(self.count)])
        codes = torch.arange(self.count) % len(TECHNIQUES)
        raw = Raw(name="patterns", attributes={"technique": Attribute(TECHNIQUES, codes)}, licence="CC0: drawn here")
        return assemble(torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous(), raw, options)

    def _half(self, number: int) -> np.ndarray:
        """Drawn at twice the size, as fine as a pattern of 512 pixels in a picture of 256."""
        large = Image.fromarray(variation(number, 2 * SIDE))
        return np.asarray(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
