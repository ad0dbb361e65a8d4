"""Across the boundary of a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from belamy.editing.directions import DirectionData, Directions, in_deviations
from belamy.errors import UsageError

ROUNDS = 50
CLOSE = 1e-9


class Direction:
    r"""The normal of the plane by which logistic regression parts latents with an attribute from those without.

    Latents are standardised first, and both sides weigh the same. With ``others`` each normal is made orthogonal to
    those of all other attributes in the evidence, so that a step along it leaves their classifiers' logits as they are:

    .. math:: n_1 \leftarrow n_1 - P\,n_1, \qquad P \text{ the projection onto } \mathrm{span}(n_2, n_3, \dots)

    *Departs from the paper* in the classifier, logistic regression for a support vector machine.

    References:
        Shen et al. 2020, arXiv 1907.10786, section 3.1 (equation 2) and conditional manipulation (equation 5);
        iteratively reweighted least squares: McCullagh & Nelder 1989, section 4.4.

    Args:
        others: Leave the other attributes alone.
        ridge: Weight of the squared length of the normal, per sample.
    """

    supervised = True
    wide = False

    def __init__(self, *, others: bool = True, ridge: float = 1e-3) -> None:
        if not ridge > 0:
            raise UsageError(f"linear-normal.ridge is {ridge}, but it must be above 0.")
        self.others, self.ridge = others, ridge

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """One direction for each attribute; the accuracy is that on a fifth of the latents that were held out."""
        latents = evidence.latents.double()
        centre, spread = latents.mean(0), latents.std(0).clamp_min(1e-12)
        standard = (latents - centre) / spread
        held = torch.arange(len(latents)) % 5 == 4
        normals, facts = {}, {}
        for name in dict.fromkeys([*names, *(evidence.attributes if self.others else ())]):
            has = evidence.having(name)
            normal, offset = logistic(standard[~held], has[~held], self.ridge)
            right = ((standard[held] @ normal + offset > 0) == has[held]).double().mean()
            normals[name] = normal / normal.norm()
            facts[name] = {"accuracy": round(float(right), 4), "with": int(has.sum()), "without": int((~has).sum())}
        found = torch.stack([_apart(normals, name) if self.others else normals[name] for name in names])
        told = {name: facts[name] for name in names}
        return Directions(in_deviations(found * spread, latents), tuple(names), told)


def logistic(features: Tensor, positive: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Normal ``[d]`` and offset of balanced logistic regression, by Newton's method.

    Args:
        features: ``[n, d]`` float64.
        positive: ``[n]`` bool.
        ridge: Factor of half the squared normal, beside the mean of the losses.

    Raises:
        UsageError: One side is empty.
    """
    share = float(positive.double().mean())
    if not 0 < share < 1:
        raise UsageError("Logistic regression needs latents of both kinds. Take more images.")
    weight = torch.where(positive, 0.5 / share, 0.5 / (1 - share))
    table = torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], 1)
    penalty = torch.full((table.shape[1],), ridge, dtype=features.dtype)
    penalty[-1] = 1e-9  # the offset is free
    found = torch.zeros(table.shape[1], dtype=features.dtype)
    for _ in range(ROUNDS):
        chance = (table @ found).sigmoid()
        slope = table.T @ (weight * (chance - positive.double())) / len(table) + penalty * found
        bend = (table.T * (weight * chance * (1 - chance))) @ table / len(table) + penalty.diag()
        step = torch.linalg.solve(bend, slope)
        found = found - step
        if float(step.abs().max()) < CLOSE:
            break
    return found[:-1], found[-1]


def _apart(normals: Mapping[str, Tensor], name: str) -> Tensor:
    """A normal without its part in the span of the others."""
    rest = [normal for other, normal in normals.items() if other != name]
    if not rest:
        return normals[name]
    basis = torch.linalg.qr(torch.stack(rest, 1)).Q  # [d, k - 1]
    return normals[name] - basis @ (basis.T @ normals[name])
