"""Drawn films: discs, squares and triangles that move and turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import categories
from belamy.data.dataset import Computed, Dataset, Memory
from belamy.data.film_pairs import next_frames
from belamy.data.load_options import LoadOptions
from belamy.data.moving import KINDS, MovingShapes
from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.ranges import Within

RATE = 12


class Source:
    """Colour films of textured shapes over a still ground, three kinds in turn, each decided by its number.

    They are drawn when the set is opened, or when asked for where they are more than a quarter of the memory budget.

    Args:
        side: Of the frames, in pixels.
        count: How many films.
        shapes: How many shapes move.
        next: Whether to each frame belongs, as the target, the one that follows.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("moving-shapes:count=6", length=4)
        Dataset('moving-shapes', 6 samples of video of 4x3x32x32)
    """

    def __init__(self, *, side: int = 32, count: int = 600, shapes: int = 3, next: bool = False) -> None:
        self.side = Within(8, 256).check("moving-shapes.side", side)
        self.count = Within(3, 1_000_000).check("moving-shapes.count", count)
        self.next = next
        self.shapes = Within(1, 20).check("moving-shapes.shapes", shapes)

    def open(self, options: LoadOptions) -> Dataset:
        """Films of ``length`` frames, 16 by default, at ``rate`` frames a second, 12 by default."""
        if options.labels is not None:
            raise UsageError("The labels of moving-shapes are its three kinds. Leave --labels out.")
        if options.kind is not None and options.kind.options:
            raise UsageError("moving-shapes are drawn, not read: leave the options of --modality out.")
        length, rate = (options.length or 16) + self.next, options.rate or RATE
        if length < 2:
            raise UsageError(f"The length is {length}, but a film has 2 frames or more.")
        shape = (length, 3, self.side, self.side)

        def drawn(numbers: Tensor) -> Tensor:
            return torch.from_numpy(np.stack([self._film(number, length, rate) for number in numbers.tolist()]))

        def feed(update: Any) -> None:
            update(f"moving-shapes {self.side} {self.count} {self.shapes} {length} {rate}\n".encode())

        store: Any = Computed(drawn, self.count, shape, feed, "numbers of the drawings")
        if self.count * int(np.prod(shape)) <= options.memory_budget // 4:
            parts = []
            for numbers in torch.arange(self.count).split(50):
                parts.append(drawn(numbers))
                if options.progress is not None:
                    options.progress(int(numbers[-1]) + 1, self.count)
            store = Memory(torch.cat(parts))
        label = categories([KINDS[number % len(KINDS)] for number in range(self.count)])
        films = Dataset(
            "moving-shapes", store, field=Field("video", shape, rate=float(rate)), labels=label.codes,
            classes=label.values, licence="CC0: drawn here",
        )  # fmt: skip
        return next_frames(films) if self.next else films

    def _film(self, number: int, length: int, rate: int) -> np.ndarray:
        scene = MovingShapes(number % len(KINDS), self.shapes, self.side, number)
        frames = [scene.frame(place * RATE / rate) for place in range(length)]
        return np.stack(frames).transpose(0, 3, 1, 2)
