"""Drawn films with captions: figures in plain colours that move in one direction."""

from __future__ import annotations

import numpy as np
import torch

from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.data.moving_figures import figures_of, film, sentence
from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.ranges import Within

RATE, LENGTH = 8, 8


class Source:
    """Short colour films of one or two figures, with the field ``caption``: what moves where, from left to right.

    Six colours, three kinds and five ways to move; each film is decided by its number.

    Args:
        side: Of the frames, in pixels.
        count: How many films.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("captioned-films:count=8")
        Dataset('captioned-films', 8 samples of video of 8x3x16x16)
    """

    def __init__(self, *, side: int = 16, count: int = 3000) -> None:
        self.side = Within(8, 128).check("captioned-films.side", side)
        self.count = Within(2, 100_000).check("captioned-films.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """Films of ``length`` frames, 8 by default, at 8 frames a second.

        Raises:
            UsageError: Labels, another rate or kind are asked for, a single frame, or more than fits into the memory.
        """
        if options.labels is not None:
            raise UsageError("captioned-films have no labels. Leave --labels out.")
        if options.kind is not None and options.kind.options:
            raise UsageError("captioned-films are drawn, not read: leave the options of --modality out.")
        if options.rate not in (None, RATE):
            raise UsageError(f"captioned-films have {RATE} frames a second, but --rate is {options.rate}. Omit it.")
        length = options.length or LENGTH
        if length < 2:
            raise UsageError(f"The length is {length}, but a film has 2 frames or more.")
        shape = (length, 3, self.side, self.side)
        if (needed := self.count * int(np.prod(shape))) > options.memory_budget:
            raise UsageError(
                f"{self.count:,} films of {length} frames of {self.side}x{self.side} take {needed:,} bytes, more than "
                f"the memory budget of {options.memory_budget:,}. Type a smaller --length or count."
            )
        films = torch.zeros(self.count, *shape, dtype=torch.uint8)
        for number in range(self.count):
            films[number] = torch.from_numpy(film(number, length, self.side)).movedim(-1, 1)
            if options.progress is not None and (number + 1) % 500 == 0:
                options.progress(number + 1, self.count)
        data = Dataset(
            "captioned-films", Memory(films), field=Field("video", shape, rate=float(RATE)), licence="CC0: drawn here"
        )
        return with_captions(data, [sentence(figures_of(number)) for number in range(self.count)], unit="words")
