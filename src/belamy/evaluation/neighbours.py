r"""Neighbours among rows: quick in float32 blocks, exact in the end, with memory that the blocks bound.

With rows moved to their common mean, a block of squared distances is one product of matrices,

.. math:: \lVert x-y\rVert^2 = \lVert x\rVert^2 + \lVert y\rVert^2 - 2\,x\cdot y,

which rounding moves by no more than :math:`\varepsilon(\lVert x\rVert^2+\lVert y\rVert^2)` with
:math:`\varepsilon = (d+16)\,u` and u the unit of rounding (Higham 2002, "Accuracy and stability of numerical
algorithms", equation 3.5). The products therefore say which pairs can matter; those alone are measured again, as the
root of the sum of squared differences in float64. Equal rows are at distance 0, and no answer depends on the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from belamy.errors import UsageError

BLOCK = 1 << 22
"""Numbers in a block: 16 MB in float32."""
SPARE = 8
"""Candidates that are measured beyond those asked for."""
SKETCH = 512
"""Rows that say which directions are worth a sketch; sketches have up to half as many numbers."""
RARE = 1000
"""A sketch is enough where it leaves one pair in so many."""


@dataclass(frozen=True)
class Nearest:
    """Neighbours of n rows, the nearest first.

    Args:
        distances: Euclidean.  # [n, k] float64
        indices: Which of the points.  # [n, k] long
    """

    distances: Tensor
    indices: Tensor


class _Table:
    """Rows about a centre, in units of a scale, ready for products; on an orthonormal basis ``[d, q]``, where given.

    Distances on a basis are never larger than those of the rows.
    """

    def __init__(
        self, rows: Tensor, centre: Tensor, scale: float, dtype: torch.dtype, basis: Tensor | None = None
    ) -> None:
        self.dtype = dtype
        self.rows = torch.empty(len(rows), rows.shape[1] if basis is None else basis.shape[1], dtype=dtype)
        self.squares = torch.empty(len(rows), dtype=torch.float64)
        for kept in _spans(len(rows), rows.shape[1]):
            moved = (rows[kept].double() - centre) / scale
            moved = moved if basis is None else moved @ basis
            self.rows[kept], self.squares[kept] = moved.to(dtype), moved.square().sum(1)

    @property
    def error(self) -> float:
        """ε of the module's docstring."""
        return (self.rows.shape[1] + 16) * torch.finfo(self.dtype).eps / 2


class _Pair:
    """Two sets of rows about their common centre, in float32 and, where that does not tell, in float64."""

    def __init__(self, queries: Tensor, points: Tensor) -> None:
        for rows, name in ((queries, "Queries"), (points, "Points")):
            if rows.dim() != 2:
                raise UsageError(f"{name} are of shape {list(rows.shape)}, but they must be [rows, numbers].")
        if queries.shape[1] != points.shape[1]:
            raise UsageError(f"Rows of {queries.shape[1]} numbers have no distance to rows of {points.shape[1]}.")
        self.queries, self.points = queries, points
        self.centre = _mean(points)
        reach = [float((rows[kept].double() - self.centre).abs().max()) for rows in {id(queries): queries,
                 id(points): points}.values() for kept in _spans(len(rows), rows.shape[1])]  # fmt: skip
        self.scale = max(reach, default=0.0) or 1.0

    @cached_property
    def single(self) -> tuple[_Table, _Table]:
        return self._tables(torch.float32)

    @cached_property
    def double(self) -> tuple[_Table, _Table]:
        return self._tables(torch.float64)

    @cached_property
    def sketch(self) -> _Table | None:
        """The points on their main directions, as some of them have it; None where there is nothing to gain."""
        count, width = self.points.shape
        if width <= SKETCH // 2 or count < 4 * SKETCH:
            return None
        some = (self.points[:: count // SKETCH].double() - self.centre) / self.scale
        main = torch.linalg.eigh(some @ some.T).eigenvectors[:, -min(SKETCH // 2, width // 16) :]
        basis = torch.linalg.qr(some.T @ main).Q
        return _Table(self.points, self.centre, self.scale, torch.float32, basis)

    def _tables(self, dtype: torch.dtype) -> tuple[_Table, _Table]:
        points = _Table(self.points, self.centre, self.scale, dtype)
        same = self.queries is self.points
        return points if same else _Table(self.queries, self.centre, self.scale, dtype), points

    def measure(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Exact distances of the pairs (row, column)."""
        width = self.queries.shape[1]
        parts = [_distance(self.queries[rows[kept]], self.points[columns[kept]]) for kept in _spans(len(rows), width)]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def nearest(queries: Tensor, points: Tensor, k: int = 1) -> Nearest:
    """The k nearest points of each query.

    Args:
        queries: Any numbers.  # [n, d]
        points: Of the same kind.  # [m, d]
        k: How many, from 1 to m.

    Raises:
        UsageError: There are fewer than k points to choose from.

    Example:
        >>> nearest(torch.tensor([[2.0]]), torch.tensor([[0.0], [1.0], [9.0]]), 2).indices.tolist()
        [[1, 0]]
    """
    return _nearest(_Pair(queries, points), k, within=False)


def nearest_within(rows: Tensor, k: int = 1) -> Nearest:
    """The k nearest others of each row of a set: the row itself is left out, but not rows that equal it.

    Args:
        rows: Any numbers.  # [n, d]
        k: How many, from 1 to n - 1.

    Raises:
        UsageError: There are fewer than k others.

    Example:
        >>> nearest_within(torch.tensor([[0.0], [1.0], [3.0]])).indices.flatten().tolist()
        [1, 0, 1]
    """
    return _nearest(_Pair(rows, rows), k, within=True)


def _nearest(pair: _Pair, k: int, within: bool) -> Nearest:
    count, choice = len(pair.queries), len(pair.points) - within
    if not 1 <= k <= choice:
        raise UsageError(f"{k} nearest neighbours are asked for, but there are {choice:,} to choose from.")
    distances = torch.empty(count, k, dtype=torch.float64)
    indices = torch.empty(count, k, dtype=torch.long)
    left = torch.arange(count)
    for stage, spare in (("single", SPARE), ("double", 8 * SPARE), ("double", choice)):
        if not len(left):
            break
        tables, failed = getattr(pair, stage), []
        for kept in left.split(max(1, BLOCK // len(pair.points))):
            found, at, certain = _candidates(pair, tables, kept, k, min(k + spare, choice), within)
            distances[kept], indices[kept] = found, at
            failed.append(kept[~certain])
        left = torch.cat(failed)
    return Nearest(distances, indices)


def _candidates(
    pair: _Pair, tables: tuple[_Table, _Table], rows: Tensor, k: int, count: int, within: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The k nearest of the ``count`` points that can be nearest, and of which rows that is certain."""
    queries, points = tables
    floor = 1 - points.error
    low = torch.addmm((floor * points.squares).to(points.dtype), queries.rows[rows], points.rows.T, alpha=-2)
    if within:
        low[torch.arange(len(rows)), rows] = torch.inf
    bounds, at = low.topk(count, largest=False)
    at = at.sort(1).values  # equal distances come in the order of the points
    exact = pair.measure(rows.repeat_interleave(count), at.flatten()).view(len(rows), count)
    exact, order = exact.sort(dim=1, stable=True)
    least = bounds[:, -1].double() + floor * queries.squares[rows]  # of those that are no candidates
    certain = (exact[:, k - 1] / pair.scale).square() <= least
    if count == len(pair.points) - within:
        certain = torch.ones_like(certain)
    certain |= exact[:, k - 1] == 0
    return exact[:, :k], at.gather(1, order)[:, :k], certain


def coverings(queries: Tensor, *, centres: Tensor, radii: Tensor) -> Tensor:
    r"""In how many of the closed balls each query lies: :math:`\#\{i : \lVert x - c_i\rVert \le r_i\}`.

    Args:
        queries: x.  # [n, d]
        centres: c.  # [m, d]
        radii: r.  # [m] float64

    Returns:
        Counts.  # [n] long
    """
    pair = _Pair(queries, centres)
    counts = torch.zeros(len(queries), dtype=torch.long)
    for kept in torch.arange(len(queries)).split(max(1, BLOCK // max(1, len(centres)))):
        sure, unsure = _inside(pair.single, kept, radii / pair.scale)
        if len(unsure) > BLOCK // 64:
            sure, unsure = _inside(pair.double, kept, radii / pair.scale)
        counts[kept] = sure
        for part in unsure.split(BLOCK):
            rows, columns = kept[part[:, 0]], part[:, 1]
            counts += torch.bincount(rows[pair.measure(rows, columns) <= radii[columns]], minlength=len(counts))
    return counts


def _inside(tables: tuple[_Table, _Table], rows: Tensor, radii: Tensor) -> tuple[Tensor, Tensor]:
    """How many balls each row is surely in, and the pairs (row, ball) that products cannot tell."""
    queries, centres = tables
    error, unit = centres.error, torch.finfo(centres.dtype).eps
    reach = radii.square()
    offset = (1 - error) * centres.squares - (1 + 4 * unit) * reach
    excess = torch.addmm(offset.to(centres.dtype), queries.rows[rows], centres.rows.T, alpha=-2)
    own = queries.squares[rows, None]
    excess += ((1 - error) * own).to(centres.dtype)
    possible = excess <= 0
    excess += (2 * error * own).to(centres.dtype)
    sure = excess <= -(2 * error * centres.squares + 8 * unit * reach).to(centres.dtype)
    return sure.sum(1), (possible & ~sure).nonzero()


def closest_pairs(rows: Tensor, count: int = 20) -> tuple[Tensor, Tensor]:
    """The closest pairs within a set, the closest first; all pairs, if there are no more.

    Args:
        rows: Any numbers.  # [n, d]
        count: How many pairs.

    Returns:
        Distances ``[count]`` in float64 and pairs ``[count, 2]``, the smaller index first.

    Example:
        >>> closest_pairs(torch.tensor([[0.0], [5.0], [6.0]]), 1)
        (tensor([1.], dtype=torch.float64), tensor([[1, 2]]))
    """
    pair = _Pair(rows, rows)
    best = torch.zeros(0, dtype=torch.float64)
    pairs = torch.zeros(0, 2, dtype=torch.long)
    sketch = pair.sketch
    for kept in _triangle(len(rows)):
        low, rough = _lower_bounds(sketch or pair.single[1], kept), sketch is not None
        while len(found := _below(low, best, count, pair.scale)):
            if rough and len(best) == count:
                rough = False
                if RARE * int((low <= _limit(best, pair.scale)).sum()) > low.numel():
                    sketch, low = None, _lower_bounds(pair.single[1], kept)
                    low[tuple((pairs[pairs[:, 0] >= kept.start] - kept.start).T)] = torch.inf
                    continue
            at = found + kept.start
            low[found[:, 0], found[:, 1]] = torch.inf
            best = torch.cat([best, pair.measure(at[:, 0], at[:, 1])])
            pairs = torch.cat([pairs, at])
            order = (pairs[:, 0] * len(rows) + pairs[:, 1]).argsort()
            order = order[best[order].argsort(stable=True)][:count]
            best, pairs = best[order], pairs[order]
    return best, pairs


def _lower_bounds(table: _Table, kept: slice) -> Tensor:
    """What the squared distances of a slice of rows to those from there on are at least; infinite for j ≤ i."""
    floor = ((1 - table.error) * table.squares).to(table.dtype)
    low = torch.addmm(floor[kept.start :], table.rows[kept], table.rows[kept.start :].T, alpha=-2)
    low += floor[kept, None]
    return low.masked_fill_(torch.ones(low.shape, dtype=torch.bool).tril(), torch.inf)


def _limit(best: Tensor, scale: float) -> float:
    """The bound up to which a pair can be closer than the last of the best."""
    return float((best[-1] / scale).square()) * (1 + 1e-6)


def _below(low: Tensor, best: Tensor, count: int, scale: float) -> Tensor:
    """Some entries ``[m, 2]`` of a block that can be among the closest pairs; none only if no others can."""
    few = max(4 * count, BLOCK >> 11)
    if len(best) < count:
        values, at = low.flatten().topk(min(4 * count, low.numel()), largest=False)
        at = at[values.isfinite()]
        return torch.stack([at // low.shape[1], at % low.shape[1]], 1)
    limit = _limit(best, scale)
    found = (low <= limit).nonzero() if limit else torch.zeros(0, 2, dtype=torch.long)
    if len(found) > few:  # the least of them bring the limit down
        found = found[low[found[:, 0], found[:, 1]].topk(few, largest=False).indices]
    return found


def has_pair_within(rows: Tensor, distance: float) -> bool:
    """Whether two rows lie within a distance of each other."""
    if len(rows) < 2:
        return False
    return bool(closest_pairs(rows, 1)[0][0] <= distance)


def nearest_in_sum(queries: Tensor, points: Tensor, k: int = 1) -> Nearest:
    """The k nearest points by the sum of absolute differences (L1).

    Sums of uint8 pixels are whole numbers, and exact in float32 up to 65,793 pixels; the nearest few are summed again
    in float64 whatever the pixels.

    Args:
        queries: Any numbers.  # [n, d]
        points: Of the same kind.  # [m, d]
        k: How many.
    """
    if not 1 <= k <= len(points):
        raise UsageError(f"{k} nearest neighbours are asked for, but there are {len(points):,}. Take more images.")
    count = min(k + SPARE, len(points))
    values = torch.full((len(queries), 0), 0.0)
    indices = torch.zeros(len(queries), 0, dtype=torch.long)
    for kept in _spans(len(points), max(points.shape[1], len(queries))):
        found = torch.cdist(queries.float(), points[kept].float(), p=1)
        places = torch.arange(kept.start, kept.stop).expand(len(queries), -1)
        values, indices = torch.cat([values, found], 1), torch.cat([indices, places], 1)
        values, order = values.topk(min(count, values.shape[1]), largest=False)
        indices = indices.gather(1, order)
    indices = indices.sort(1).values
    exact = torch.stack(
        [(points[at].double() - query.double()).abs().sum(1) for query, at in zip(queries, indices, strict=True)]
    )
    exact, order = exact.sort(dim=1, stable=True)
    return Nearest(exact[:, :k], indices.gather(1, order)[:, :k])


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() - b.double()).square().sum(1).sqrt()


def _mean(rows: Tensor) -> Tensor:
    total = torch.zeros(rows.shape[1], dtype=torch.float64)
    for kept in _spans(len(rows), rows.shape[1]):
        total += rows[kept].double().sum(0)
    return total / max(1, len(rows))


def _spans(count: int, width: int) -> Iterator[slice]:
    """Slices of rows whose numbers fill an eighth of a block."""
    size = max(1, BLOCK // 8 // max(1, width))
    for first in range(0, count, size):
        yield slice(first, min(count, first + size))


def _triangle(count: int) -> Iterator[slice]:
    """Slices of rows of the upper triangle whose blocks are of one size."""
    first = 0
    while first < count - 1:
        last = min(count, first + max(1, BLOCK // (count - first)))
        yield slice(first, last)
        first = last
