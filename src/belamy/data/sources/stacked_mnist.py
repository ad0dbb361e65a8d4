"""Stacked MNIST: three digits as the colours of one image, a thousand modes that can be counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from belamy.data.assembly import Raw, assemble_rows, official
from belamy.data.dataset import Attribute, Computed, Dataset
from belamy.data.load_options import LoadOptions
from belamy.data.sources import mnist
from belamy.errors import UsageError
from belamy.seeds import generator

TRAINING, TEST = 128_000, 26_000
COLOURS = ("red", "green", "blue")
DIGITS = tuple("0123456789")


class Source:
    """Colour images of 28x28 pixels, each of three random digits of MNIST; the class 0..999 reads them as a number.

    The training images consist of MNIST's training digits, 26,000 more of its test digits. They are put together when
    they are asked for, so the set takes the memory of MNIST; a seed decides which digits they are. Each colour's digit
    is an attribute: ``labels="red"``.

    References:
        Metz et al. 2016, arXiv 1611.02163; the sizes: Srivastava et al. 2017, arXiv 1705.07761, and Lin et al. 2018,
        arXiv 1712.04086.

    Args:
        count: Images to train on.
        seed: Seed of the choice of digits.

    Example:
        >>> from belamy.data import open_data
        >>> data = open_data("stacked-mnist")
        >>> data.shape, len(data.splits["train"]), len(data.classes)
        ((3, 28, 28), 128000, 1000)
    """

    def __init__(self, *, count: int = TRAINING, seed: int = 0) -> None:
        if count < 1:
            raise UsageError(f"stacked-mnist.count is {count}, but it must be at least 1. Type count={TRAINING}.")
        self.count, self.seed = count, seed

    def open(self, options: LoadOptions) -> Dataset:
        """The images, training ones first."""
        digits = mnist.Source().open(LoadOptions(progress=options.progress))
        stacks = torch.cat([self._stacks(digits, "train", self.count), self._stacks(digits, "test", TEST)])
        assert digits.labels is not None
        values = digits.labels[stacks]  # [N, 3]
        raw = Raw(
            name="stacked-mnist",
            label=Attribute(
                tuple(f"{number:03}" for number in range(1000)), (values * torch.tensor([100, 10, 1])).sum(1)
            ),
            attributes={
                colour: Attribute(DIGITS, values[:, place].contiguous()) for place, colour in enumerate(COLOURS)
            },
            official=official(self.count, self.count + TEST),
            licence=mnist.LICENCE,
            notes=[f"digits of mnist, three to an image, drawn by seed {self.seed}"],
        )
        # However large the budget: 460 MB of copies would save no time.
        return assemble_rows(_stacked(digits, stacks), raw, replace(options, memory_budget=1))

    def _stacks(self, digits: Dataset, split: str, count: int) -> torch.Tensor:
        """Which three digits each image is made of.  # [count, 3]"""
        known = digits.splits[split]
        return known[torch.randint(len(known), (count, 3), generator=generator(self.seed, "stacked-mnist", split))]


def _stacked(digits: Dataset, stacks: torch.Tensor) -> Computed:
    _, height, width = digits.shape

    def read(indices: torch.Tensor) -> torch.Tensor:
        return digits.images(stacks[indices].flatten()).view(-1, 3, height, width)

    def feed(update: Callable[[Any], None]) -> None:
        digits.store.feed(update)
        update(stacks.numpy().tobytes())

    return Computed(read, len(stacks), (3, height, width), feed, "the digits, which of them are stacked, and labels")
