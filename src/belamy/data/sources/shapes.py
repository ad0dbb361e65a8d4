"""Drawn furniture: volumes of chairs, tables and lamps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.assembly import categories
from belamy.data.dataset import Computed, Dataset, Memory
from belamy.data.load_options import LoadOptions
from belamy.data.solids import KINDS, solid
from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.ranges import Within


class Source:
    """Solids of voxels, full or empty: chairs, tables and lamps in turn, each in one piece, left and right alike.

    They are drawn when the set is opened, or when asked for where they are more than a quarter of the memory budget.

    Args:
        side: Voxels of each side.
        count: How many.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("shapes:count=30")
        Dataset('shapes', 30 samples of volume of 1x16x16x16)
    """

    def __init__(self, *, side: int = 16, count: int = 3000) -> None:
        self.side = Within(8, 128).check("shapes.side", side)
        self.count = Within(3, 1_000_000).check("shapes.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The solids, each decided by its number."""
        if options.labels is not None:
            raise UsageError("The labels of shapes are its three kinds. Leave --labels out.")
        shape = (1, self.side, self.side, self.side)
        store: Any = Computed(self.drawn, self.count, shape, self.feed, "numbers of the drawings")
        if self.count * self.side**3 <= options.memory_budget // 4:
            parts = []
            for numbers in torch.arange(self.count).split(100):
                parts.append(self.drawn(numbers))
                if options.progress is not None:
                    options.progress(int(numbers[-1]) + 1, self.count)
            store = Memory(torch.cat(parts))
        label = categories([KINDS[number % len(KINDS)] for number in range(self.count)])
        return Dataset(
            "shapes",
            store,
            field=Field("volume", shape, bits=1),
            labels=label.codes,
            classes=label.values,
            licence="CC0: drawn here",
        )

    def drawn(self, numbers: Tensor) -> Tensor:
        """The solids of these numbers.  # bool [n, 1, side, side, side]"""
        made = [solid(n % len(KINDS), self.side, np.random.default_rng(n)) for n in numbers.tolist()]
        return torch.from_numpy(np.stack(made))[:, None]

    def feed(self, update: Any) -> None:
        """What decides the solids."""
        update(f"shapes {self.side} {self.count}\n".encode())
