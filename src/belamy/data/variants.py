"""Several versions of each sample, such as captions of a picture: one is drawn each time that it is learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor


def every(name: str) -> str:
    """What a batch calls all versions of a field's samples, beside the ones that were drawn."""
    return f"every {name}"


class Variants:
    """Samples of which each has one version or more; where one is read, it is the first.

    Args:
        rows: All versions of the first sample, then those of the second, and so on.  # [M, *shape]
        counts: How many versions each sample has, at least 1.  # [N] long

    Example:
        >>> said = Variants(torch.tensor([[1], [2], [3]]), torch.tensor([2, 1]))
        >>> said.read(torch.tensor([0, 1])).tolist(), said.every(torch.tensor([0, 1])).tolist()
        ([[1], [3]], [[[1], [2]], [[3], [3]]])
        >>> said.drawn(torch.tensor([0, 0, 1]), torch.tensor([0.4, 0.6, 0.9])).tolist()
        [[1], [2], [3]]
    """

    streams = False
    identity = "content and labels"

    def __init__(self, rows: Tensor, counts: Tensor) -> None:
        self.tensor, self.counts = rows, counts
        self.starts, self.most = counts.cumsum(0) - counts, int(counts.max())

    @property
    def shape(self) -> tuple[int, ...]:
        """Of every version."""
        return tuple(self.tensor.shape[1:])

    def __len__(self) -> int:
        return len(self.counts)

    def read(self, indices: Tensor) -> Tensor:
        """The first versions.  # [n] to [n, *shape]"""
        return self.tensor[self.starts[indices]]

    def every(self, indices: Tensor) -> Tensor:
        """All versions, in turn as often as fills up the most that a sample has.  # [n] to [n, most, *shape]"""
        places = torch.arange(self.most) % self.counts[indices, None]
        return self.tensor[self.starts[indices, None] + places]

    def drawn(self, indices: Tensor, chance: Tensor) -> Tensor:
        """The versions that numbers in [0, 1) choose, each as likely as any other.  # [n], [n] to [n, *shape]"""
        counts = self.counts[indices]
        return self.tensor[self.starts[indices] + (chance * counts).long().minimum(counts - 1)]

    def of(self, chosen: Tensor) -> Self:
        """Those of some samples.  # [n] long"""
        rows = [self.tensor[start : start + count] for start, count in zip(
            self.starts[chosen].tolist(), self.counts[chosen].tolist(), strict=True)]  # fmt: skip
        return type(self)(torch.cat(rows), self.counts[chosen])

    def feed(self, update: Callable[[Any], None]) -> None:
        """Hand all versions to a hash."""
        update(self.tensor.numpy())
        update(self.counts.numpy())
