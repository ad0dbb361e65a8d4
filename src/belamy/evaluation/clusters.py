"""Groups of like rows: k-means with a seed of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.neighbours import nearest
from belamy.evaluation.rows import placed
from belamy.seeds import generator

ENOUGH = 20_000
"""Rows that centres are found from, at most."""


def centres_of(rows: Tensor, count: int, *, seed: int = 0, rounds: int = 50) -> Tensor:
    r"""Centres that :math:`\sum_i \min_j \lVert x_i - c_j\rVert^2` is low for, of no more rows than 20,000.

    The first centres are drawn with odds in proportion to the squared distance to those drawn before; then rows and
    centres are assigned in turn until nothing moves. A centre without rows goes to the row that is farthest from its
    own. The order that rows come in does not matter.

    References:
        Arthur & Vassilvitskii 2007, "k-means++: the advantages of careful seeding"; Lloyd 1982.

    Args:
        rows: Any numbers.  # [n, d]
        count: How many centres; no more than rows.
        seed: Of the first centres.
        rounds: Assignments, at most.

    Returns:
        Centres.  # [count, d] float64
    """
    source, rows = generator(seed, "k-means"), placed(rows)
    if len(rows) > ENOUGH:
        rows = rows[torch.randperm(len(rows), generator=source)[:ENOUGH].sort().values]
    rows = rows.double()
    centres = _spread(rows, min(count, len(rows)), source)
    previous = torch.full((len(rows),), -1)
    for _ in range(rounds):
        found = nearest(rows, centres)
        own = found.indices[:, 0]
        if torch.equal(own, previous):
            break
        previous, sizes = own, torch.bincount(own, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, own, rows)
        centres = sums / sizes.clamp(min=1)[:, None]
        empty = (sizes == 0).nonzero().flatten()
        if len(empty):
            centres[empty] = rows[found.distances[:, 0].argsort(descending=True)[: len(empty)]]
    return centres


def _spread(rows: Tensor, count: int, source: torch.Generator) -> Tensor:
    """Rows drawn one after the other, each likelier the farther it is from those before."""
    chosen = [int(torch.randint(len(rows), (1,), generator=source))]
    odds = torch.full((len(rows),), torch.inf, dtype=torch.float64)
    for _ in range(count - 1):
        odds = odds.minimum((rows - rows[chosen[-1]]).square().sum(1))
        anything = bool(odds.sum() > 0)
        chosen.append(int(torch.multinomial(odds if anything else torch.ones_like(odds), 1, generator=source)))
    return rows[chosen]


def sizes_of(rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centre of each row ``[n]``, and how many rows each centre has ``[k]``."""
    own = nearest(rows, centres).indices[:, 0]
    return own, torch.bincount(own, minlength=len(centres))
