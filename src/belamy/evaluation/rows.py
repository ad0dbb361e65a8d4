"""Tables of what was seen, kept as they came; and an order of rows that does not depend on how they came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from belamy.errors import UsageError

_MIX = 0x2545F4914F6CDD1D
"""An odd multiplier of 64 bits (Vigna 2016, arXiv 1402.6246)."""


class Rows:
    """Rows that come in parts.

    The parts are kept by reference and never written to, so that several metrics hold the same memory; a copy, deep or
    not, holds it too.

    Args:
        most: Rows to keep. Of more, a sample is kept that is random but depends on the rows alone: neither on the parts
            they came in nor on their order. None keeps all.

    Example:
        >>> rows = Rows()
        >>> rows.update(torch.zeros(2, 3))
        >>> rows.update(torch.ones(1, 3))
        >>> len(rows), rows.table().shape
        (3, torch.Size([3, 3]))
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.parts: list[Tensor] = []
        self.seen = 0

    def __len__(self) -> int:
        """Rows that are kept; ``seen`` says how many there were."""
        held = sum(len(part) for part in self.parts)
        return held if self.most is None else min(held, self.most)

    def __deepcopy__(self, memo: dict[int, Any]) -> Rows:
        copy = Rows(self.most)
        copy.parts, copy.seen = list(self.parts), self.seen
        return copy

    def update(self, rows: Tensor) -> None:
        """Keep ``[n, d]`` rows."""
        if not len(rows):
            return
        if self.parts and rows.shape[1:] != self.parts[0].shape[1:]:
            wanted, given = (list(each.shape[1:]) for each in (self.parts[0], rows))
            raise UsageError(f"Rows of shape {given} cannot join rows of shape {wanted}.")
        self.parts.append(rows)
        self.seen += len(rows)
        if self.most is not None and sum(len(part) for part in self.parts) >= 2 * self.most:
            self.parts = [self.table()]

    def merge(self, other: Rows) -> None:
        """Keep what another has kept."""
        seen = self.seen + other.seen
        for part in other.parts:
            self.update(part)
        self.seen = seen

    def table(self) -> Tensor:
        """``[n, d]``, in the order of arrival or, where a sample was drawn, of the draw; joined anew at each call.

        Raises:
            UsageError: Nothing has been seen.
        """
        if not self.parts:
            raise UsageError("There are no images to judge.")
        table = self.parts[0] if len(self.parts) == 1 else torch.cat(self.parts)
        if self.most is None or len(table) <= self.most:
            return table
        return table[fingerprints(table).argsort(stable=True)[: self.most]]

    def chunks(self, size: int) -> Iterator[Tensor]:
        """The table in parts of at most ``size`` rows, without joining it where nothing has to be drawn."""
        parts = self.parts if self.most is None or self.seen <= self.most else [self.table()]
        for part in parts:
            yield from part.split(size)


def placed(table: Tensor) -> Tensor:
    """The rows of ``[n, d]`` in an order that depends on their values alone: by their projection on a fixed line.

    A draw of places in it is the same draw whatever parts and order the rows came in, and hardly another if rounding
    differs.
    """
    line = torch.arange(1, table.shape[1] + 1, dtype=torch.float64).cos()
    return table[torch.cat([part.double() @ line for part in table.split(4096)]).argsort(stable=True)]


def digest(table: Tensor) -> int:
    """A number that looks random and depends on the rows alone, exactly, but not on their order."""
    return int(fingerprints(table.flatten(1)).sum())


def marks(table: Tensor) -> Tensor:
    """A number for each row ``[n]`` that equal rows share, and others do not.

    Each value is mixed with its place before they are added: of few different values, as texts have, many rows share a
    fingerprint.
    """
    places = torch.arange(1, 2 * table.shape[1], 2) * _MIX
    found = []
    for part in table.split(1024):
        mixed = (part.double() + 0.0).view(torch.int64) + places
        for _ in range(3):
            mixed = (mixed ^ (mixed >> 29)) * _MIX
        found.append(mixed.sum(1))
    return torch.cat(found)


def fingerprints(table: Tensor) -> Tensor:
    """A number for each row ``[n]`` that looks random and depends on the row's values alone, exactly; for an order."""
    weights = torch.arange(1, 2 * table.shape[1], 2) * _MIX  # wraps, as do the sums: integers, so in any order
    found = []
    for part in table.split(1024):
        bits = (part.double() + 0.0).view(torch.int64)  # -0 is 0
        found.append(((bits ^ (bits >> 32)) * weights).sum(1))
    mixed = torch.cat(found)
    for _ in range(3):
        mixed = (mixed ^ (mixed >> 29)) * _MIX
    return mixed
