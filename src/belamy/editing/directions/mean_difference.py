"""From the mean of those without to the mean of those with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from belamy.editing.directions import DirectionData, Directions, in_deviations


class Direction:
    r"""The difference of two means of latents.

    .. math:: v = \mathbb{E}[z \mid \text{attribute}] - \mathbb{E}[z \mid \text{no attribute}], \qquad z' = z + \alpha v

    Where attributes go together, the difference of one holds some of another. ``within`` takes the mean, weighted by
    their sizes, of the differences within each of the other attributes' combinations.

    References:
        Radford et al. 2015, arXiv 1511.06434, section 6.3.2; White 2016, arXiv 1609.04468, section 3.

    Args:
        within: Compare only images whose other attributes in the evidence are the same.
        raw: Keep the length of the difference, so that a step of 1 leads from one mean to the other.
    """

    supervised = True
    wide = False

    def __init__(self, *, within: bool = False, raw: bool = False) -> None:
        self.within, self.raw = within, raw

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """One direction for each attribute."""
        latents = evidence.latents.double()
        vectors = torch.stack([self._difference(evidence, latents, name) for name in names])
        sized = vectors.float() if self.raw else in_deviations(vectors, latents)
        gaps = (vectors.norm(dim=1) / in_deviations(vectors, latents).double().norm(dim=1)).tolist()
        facts = {
            name: {"with": int(evidence.having(name).sum()), "without": int((~evidence.having(name)).sum()),
                   "apart": round(gap, 4)}
            for name, gap in zip(names, gaps, strict=True)
        }  # fmt: skip
        return Directions(sized, tuple(names), facts)

    def _difference(self, evidence: DirectionData, latents: Tensor, name: str) -> Tensor:
        has = evidence.having(name)
        others = [held for other, held in evidence.attributes.items() if other != name] if self.within else []
        kinds = sum((2**place * other.long() for place, other in enumerate(others)), torch.zeros_like(has).long())
        whole, weight = torch.zeros_like(latents[0]), 0
        for kind in kinds.unique():
            there, absent = has & (kinds == kind), ~has & (kinds == kind)
            if there.any() and absent.any():
                size = int(min(there.sum(), absent.sum()))
                whole, weight = whole + size * (latents[there].mean(0) - latents[absent].mean(0)), weight + size
        return whole / max(weight, 1)
