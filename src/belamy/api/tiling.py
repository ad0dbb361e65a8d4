"""Pictures of any size through a trained network: mirrored to its stride, and in tiles where they outgrow memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from belamy.editing.style.tiles import Span, Tile, spans
from belamy.errors import UsageError
from belamy.networks.sight import FieldOfView

RAMP = 8
"""Pixels on each side of the line between two tiles over which one passes into the other."""
SHARE = 0.5
"""Of the memory that is free, what a pass may take."""
_GROUP_NORM = F.group_norm


@dataclass(frozen=True)
class Plan:
    """How pictures pass.

    Args:
        side: Longest side of a tile in pixels, its overlap included.
        margin: By how many pixels a tile overlaps what lies beyond its own part.
        ramp: Of these, on how many it passes into its neighbours.
        exact: Whether the overlap is as large as the network sees, so that tiles make what the whole would.
    """

    side: int
    margin: int
    ramp: int
    exact: bool


def plan(seen: FieldOfView, tile: int | None, overlap: int | None, free: int) -> Plan:
    """Tiles for a network.

    Args:
        seen: What it sees.
        tile: Longest side that is wanted; None for what memory allows.
        overlap: Pixels that are wanted; None for as many as the network sees.
        free: Memory in bytes.

    Raises:
        UsageError: Every output depends on all of the picture, or tiles are too small for what is seen.
    """
    if seen.reach is None:
        raise UsageError(
            "This run's network looks at the whole picture at once, so it makes none in tiles. Leave --tile out, or "
            "bring the picture to fewer pixels with --size."
        )
    grain = RAMP * seen.enlargement.denominator
    margin = seen.reach + grain if overlap is None else overlap
    whole = seen.enlargement.denominator
    ramp = grain if margin >= seen.reach + grain else margin // whole * whole
    outer = ceil(margin / seen.multiple) * seen.multiple
    least = 2 * outer + max(ceil(2 * ramp / seen.multiple), 1) * seen.multiple
    side = tile or int((SHARE * free / seen.memory) ** 0.5)
    if side < least:
        given = "tiles are" if tile else "memory allows tiles of"
        raise UsageError(
            f"The network sees {seen.reach} pixels around each place, so tiles that overlap by {margin} pixels have "
            f"sides of at least {least}, but {given} {side}. Give a smaller --overlap and see seams fade into each "
            f"other, or --tile {least}{' and more memory' if not tile else ''}."
        )
    return Plan(side, margin, ramp, margin >= seen.reach + ramp)


def mirrored(raw: Tensor, multiple: int) -> Tensor:
    """Pictures or label maps, mirrored at their right and lower ends to multiples of a number of pixels.

    Example:
        >>> mirrored(torch.tensor([[1, 2, 3]]).expand(2, 3), 4).tolist()
        [[1, 2, 3, 2], [1, 2, 3, 2], [1, 2, 3, 2], [1, 2, 3, 2]]
    """
    for axis in (-2, -1):
        length = raw.shape[axis]
        whole = ceil(length / multiple) * multiple
        if whole > length:
            period = max(2 * length - 2, 1)
            places = torch.arange(whole) % period
            raw = raw.index_select(axis, torch.minimum(places, period - places).clamp_max(length - 1))
    return raw


@torch.no_grad()
def in_tiles(
    work: Callable[[Tensor], Tensor],
    see: Callable[[Tensor], Tensor],
    keep: Callable[[Tensor], Tensor],
    raw: Tensor,
    seen: FieldOfView,
    chosen: Plan,
) -> Tensor:
    """What is made of a large picture, as files hold it, tile by tile.

    Means and deviations over the picture are those of the whole: for each normalisation that takes them, in the order
    in which they come, all tiles pass once, each counted by its own part. Random masks are drawn for the whole too.
    Neighbours pass into each other over a ramp, by weights that are 1 in sum. Memory is that of a row of tiles.

    Args:
        work: What is made of values ``[1, …, H, W]``.
        see: Values of a part of the picture, as the network takes them, a batch of one.
        keep: What files hold of values ``[C, h, w]``.
        raw: The picture, whose sides divide by the network's stride.
        seen: What the network sees.
        chosen: How large tiles are.
    """
    height, width = raw.shape[-2:]
    rows = spans(height, chosen.side, chosen.margin, seen.multiple)
    columns = spans(width, chosen.side, chosen.margin, seen.multiple)
    whole = _Whole((height, width))

    def passed(tile: Tile) -> Tensor:
        with whole.at(tile):
            return work(see(tile.cut(raw)))

    if seen.whole_statistics:
        whole.look([Tile(row, column) for row in rows for column in columns], passed)
    windows = [[_Window.of(span, chosen.ramp, seen.enlargement) for span in axis] for axis in (rows, columns)]
    found: Tensor | None = None
    rest: Tensor | None = None
    for number, (row, upright) in enumerate(zip(rows, windows[0], strict=True)):
        band: Tensor | None = None
        for column, across in zip(columns, windows[1], strict=True):
            made = passed(Tile(row, column))[0].float().cpu()
            if band is None:
                band = made.new_zeros(len(made), upright.high - upright.low, int(width * seen.enlargement))
            cut = made[:, upright.inside, across.inside]
            band[..., across.low : across.high] += cut * across.weights
        assert band is not None
        band *= upright.weights[:, None]
        if rest is not None:
            band[:, : rest.shape[1]] += rest
        ready = (windows[0][number + 1].low if number + 1 < len(rows) else upright.high) - upright.low
        kept = keep(band[:, :ready])
        if found is None:
            found = kept.new_empty(*kept.shape[:-2], windows[0][-1].high, kept.shape[-1])
        found[..., upright.low : upright.low + ready, :] = kept
        rest = band[:, ready:].clone()  # a part of it would hold all of it
    assert found is not None
    return found


@dataclass(frozen=True)
class _Window:
    """Which outputs of a tile count along an axis, from ``low`` to ``high`` of the whole, and how much."""

    low: int
    high: int
    inside: slice
    weights: Tensor

    @classmethod
    def of(cls, span: Span, ramp: int, enlargement: Fraction) -> _Window:
        def scaled(position: int) -> int:
            return int(position * enlargement)

        first, last = span.core_start == 0, span.core_stop == span.whole
        low = scaled(span.core_start - (0 if first else ramp))
        high = scaled(min(span.core_stop + (0 if last else ramp), span.whole))
        places, width = torch.arange(low, high) + 0.5, max(2 * scaled(ramp), 1)
        rising = 1.0 if first else ((places - low) / width).clamp_max(1)
        end = scaled(span.core_stop + ramp)
        falling = 1.0 if last else ((end - places) / width).clamp_max(1)
        weights = torch.ones(high - low) * rising * falling
        start = scaled(span.start)
        return cls(low, high, slice(low - start, high - start), weights)


class _Enough(Exception):
    """A tile was counted; what comes after it is not needed yet."""


class _Whole(TorchFunctionMode):
    """Lets a network that sees a tile normalise and draw as if it saw the whole picture."""

    def __init__(self, sides: tuple[int, int]) -> None:
        super().__init__()
        self.sides = sides
        self.known: list[tuple[Tensor, Tensor]] = []
        self.sums: Tensor | None = None
        self.looking = False
        self.tile = Tile(Span(0, sides[0], 0, sides[0], sides[0]), Span(0, sides[1], 0, sides[1], sides[1]))
        self.number = 0

    def at(self, tile: Tile) -> _Whole:
        """Begin a tile."""
        self.tile, self.number = tile, 0
        return self

    def look(self, tiles: Sequence[Tile], passed: Callable[[Tile], Tensor]) -> None:
        """Find the means and variances of all normalisations, one after the other."""
        self.looking = True
        while self.looking:
            self.sums = None
            for tile in tiles:
                try:
                    passed(tile)
                except _Enough:
                    continue
                self.looking = False  # it met no other normalisation
                return
            assert self.sums is not None
            count, total, squares = self.sums.unbind()
            mean = total / count
            self.known.append((mean, squares / count - mean**2))

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func is _GROUP_NORM:
            return self._normalised(*args, **options)
        if func is torch.rand and args and isinstance(args[0], Sequence) and len(args[0]) == 3:
            return self._drawn(*args[0], **options)
        return func(*args, **options)

    def _normalised(
        self, x: Tensor, groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
    ) -> Tensor:
        """A group normalisation by the statistics of the whole; while they are looked for, those of the core count."""
        number, self.number = self.number, self.number + 1
        if number == len(self.known):
            rows, columns = self._core(x.shape[-2], x.shape[-1])
            values = x[..., rows, columns].reshape(groups, -1).double()
            found = torch.stack([torch.full_like(values[:, 0], values.shape[1]), values.sum(1), values.square().sum(1)])
            self.sums = found if self.sums is None else self.sums + found
            raise _Enough
        mean, variance = (each.repeat_interleave(x.shape[1] // groups).to(x) for each in self.known[number])
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps)

    def _drawn(self, channels: int, height: int, width: int, **options: Any) -> Tensor:
        """Random numbers at a tile's place among those of the whole, which are drawn in the same order."""
        sides = []
        for axis, (span, length) in enumerate(zip((self.tile.rows, self.tile.columns), (height, width), strict=True)):
            share = Fraction(length, span.stop - span.start)
            sides.append((int(self.sides[axis] * share), slice(int(span.start * share), int(span.stop * share))))
        (high, rows), (wide, columns) = sides
        return torch.stack([torch.rand(high, wide, **options)[rows, columns] for _ in range(channels)])

    def _core(self, height: int, width: int) -> tuple[slice, slice]:
        """The tile's own part among cells of a map."""
        rows, columns = (
            slice(*(int((edge - span.start) * Fraction(length, span.stop - span.start))
                    for edge in (span.core_start, span.core_stop)))
            for span, length in ((self.tile.rows, height), (self.tile.columns, width))
        )  # fmt: skip
        return rows, columns
