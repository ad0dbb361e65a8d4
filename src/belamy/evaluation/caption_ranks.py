"""Which place a picture's own caption takes among others: R-precision and recall."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.intervals import mean, wilson
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator

CANDIDATES = 100
"""Captions among which a picture's own is looked for, itself one of them."""
FIRST = 5


def own_ranks(scores: Tensor, own: Tensor, captions: Tensor, candidates: int = CANDIDATES, seed: int = 0) -> Tensor:
    """The place of each picture's own caption among random ones that say something else; 1 is the best.

    Places of captions that score alike are shared: two firsts have 1.5 each.

    Args:
        scores: How well each caption fits each picture.  # [n, m]
        own: Which caption is each picture's.  # long [n]
        captions: The captions; those with the same symbols are never a wrong candidate.  # long [m, L]
        candidates: Captions to choose from, the own one among them, at most.
        seed: Of the choice of the others.

    Example:
        >>> captions = torch.tensor([[3, 1], [4, 1], [5, 1]])
        >>> own_ranks(torch.tensor([[0.9, 0.1, 0.2], [0.5, 0.2, 0.8]]), torch.tensor([0, 1]), captions).tolist()
        [1.0, 3.0]
    """
    source = generator(seed, "candidates")
    found = []
    for row, place in enumerate(own.tolist()):
        others = (captions != captions[place]).any(1).nonzero().flatten()
        others = others[torch.randperm(len(others), generator=source)[: candidates - 1]]
        mine, theirs = scores[row, place], scores[row, others]
        found.append(1 + float((theirs > mine).sum()) + 0.5 * float((theirs == mine).sum()))
    return torch.tensor(found, dtype=torch.float64)


def retrieval(ranks: Tensor) -> dict[str, Interval]:
    """What places of own captions come to.

    - ``r-precision``: how often the own caption is the first (R = 1).
    - ``caption-recall-5``: how often it is among the first five.
    - ``caption-rank``: its place, the mean over pictures.

    References:
        R-precision: Xu et al. 2017, "AttnGAN", arXiv 1711.10485, section 4.1, with 99 mismatching captions.

    Args:
        ranks: Places, from 1 on.  # [n]
    """
    return {
        "r-precision": wilson(int((ranks == 1).sum()), len(ranks)),
        f"caption-recall-{FIRST}": wilson(int((ranks <= FIRST).sum()), len(ranks)),
        "caption-rank": mean(ranks),
    }
