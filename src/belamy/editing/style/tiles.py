"""Large pictures in overlapping tiles, each pixel in the core of exactly one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from torch import Tensor

from belamy.errors import UsageError


@dataclass(frozen=True)
class Span:
    """A tile along one axis.

    Args:
        start: Of what is looked at.
        stop: Its end.
        core_start: Of what counts.
        core_stop: Its end.
        whole: Length of the picture.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int
    whole: int

    def core(self, stride: int) -> slice:
        """The positions that count among a layer's positions in the tile."""
        return slice((self.core_start - self.start) // stride, self._end(self.core_stop - self.start, stride))

    def placed(self, stride: int) -> slice:
        """The same positions among the layer's positions in the whole picture."""
        return slice(self.core_start // stride, self._end(self.core_stop, stride))

    def _end(self, position: int, stride: int) -> int | None:
        return None if self.core_stop == self.whole else position // stride


@dataclass(frozen=True)
class Tile:
    """What is looked at, and the core of it that counts."""

    rows: Span
    columns: Span

    @property
    def whole(self) -> bool:
        """Whether the tile is the whole picture."""
        return all(span.core_stop - span.core_start == span.whole for span in (self.rows, self.columns))

    def cut(self, image: Tensor) -> Tensor:
        """What is looked at, of an image or of its gradient: a view."""
        return image[..., self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]

    def counted(self, features: Tensor, stride: int) -> Tensor:
        """The features of this tile's core, of the features of the tile."""
        return features[..., self.rows.core(stride), self.columns.core(stride)]

    def placed(self, maps: Tensor, stride: int) -> Tensor:
        """The part at this tile's core of a map of the whole picture."""
        return maps[..., self.rows.placed(stride), self.columns.placed(stride)]


def tiles(height: int, width: int, side: int, margin: int, multiple: int) -> list[Tile]:
    """Tiles of a picture; one where it is not longer than ``side``.

    All edges but the picture's own are multiples of a number of pixels, so that the positions of every layer in a tile
    are positions in the whole.

    Args:
        height: Of the picture.
        width: Of the picture.
        side: Longest side of a tile, margins included.
        margin: Overlap at each side.
        multiple: The largest stride of a layer.

    Raises:
        UsageError: The margins leave no core.

    Example:
        >>> [(span.start, span.core_start, span.core_stop, span.stop) for span in spans(96, 64, 8, 16)]
        [(0, 0, 32, 48), (16, 32, 64, 80), (48, 64, 96, 96)]
    """
    if max(height, width) <= side:
        return [Tile(Span(0, height, 0, height, height), Span(0, width, 0, width, width))]
    return [
        Tile(rows, columns)
        for rows in spans(height, side, margin, multiple)
        for columns in spans(width, side, margin, multiple)
    ]


def spans(length: int, side: int, margin: int, multiple: int) -> list[Span]:
    """The tiles along one axis, their cores as equal as the multiple allows."""
    margin = ceil(margin / multiple) * multiple
    room = (side - 2 * margin) // multiple * multiple
    if length <= side:
        return [Span(0, length, 0, length, length)]
    if room < multiple:
        raise UsageError(f"Tiles of {side} pixels with margins of {margin} have no core. Give a larger --tile.")
    count = ceil(length / room)
    core = ceil(length / count / multiple) * multiple
    edges = [*range(0, length, core), length]
    return [
        Span(max(start - margin, 0), min(stop + margin, length), start, stop, length) for start, stop in pairwise(edges)
    ]
