"""Continuity of the latents: whether images change step by step or in jumps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.evaluation.features import Extractor
from belamy.evaluation.intervals import bootstrap, wilson
from belamy.evaluation.probes import check_unrounded, evaluating, perceived
from belamy.evaluation.probes._ways import Ways
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod
from belamy.networks.priors.paths import linear

PART = 25
"""Ways looked at together."""
LEAST = 1e-3
"""Share of the mean distance of ends below which a step may be rounding."""


@dataclass(frozen=True)
class Steps:
    """Distances in feature space on some ways.

    Args:
        neighbours: Of images one step apart.  # [ways, steps]
        ends: Of the two ends of each way: of random pairs of one label.  # [ways]
        kept: What is left of the largest step when it is halved again and again towards its larger half.  # [ways]
    """

    neighbours: Tensor
    ends: Tensor
    kept: Tensor


class Probe:
    """How far apart images of neighbouring latents are, against images of random ones, and how often there is a jump.

    Between two random latents lie as many images as there are steps, on the way of their prior. Their distances
    are told in an extractor's features:

    - ``continuity-step``: mean distance of neighbours, as a share of the mean distance of the ways' ends; 1 / steps if
      images change evenly along straight lines, and more the more they wander.
    - ``continuity-largest-step``: the same of the largest step of each way; near 1 if images change all at once.
    - ``continuity-jumps``: share of the ways with a jump. The largest step of a way is halved ten times towards its
      larger half: where the generator is continuous it shrinks, unless all of it happens within a thousandth of the
      step; where more than half of it remains, there is a jump. Steps below a thousandth of the mean distance of ends
      count as none.

    The first two intervals are bootstraps over ways, the last is Wilson's.

    References:
        Latent walks as a test of memorisation and continuity: Radford et al. 2015, arXiv 1511.06434, section 6.1.

    Args:
        count: Ways.
        steps: Steps on each.
        halvings: How often the largest step is halved.

    Raises:
        UsageError: An option out of range, a method that draws no samples, or an extractor that rounds pixels.
    """

    needs_extractor = True

    def __init__(self, *, count: int = 200, steps: int = 16, halvings: int = 10) -> None:
        if steps < 2 or halvings < 1:
            raise UsageError(
                f"continuity has steps={steps} and halvings={halvings}, but there must be 2 steps and 1 halving or "
                "more. Type steps=16,halvings=10."
            )
        self.count, self.steps, self.halvings = count, steps, halvings

    def measure(
        self, method: BaseMethod, data: Dataset, extractor: Extractor | None, seed: int = 0
    ) -> dict[str, Interval]:
        assert extractor is not None  # this probe looks
        with evaluating(method):
            found = self.walk(Ways(method, self.count, seed), extractor)
        if not float(found.ends.sum()):  # one image everywhere: nothing changes, so nothing jumps
            return {"continuity-jumps": wilson(0, self.count)}
        mean, largest = found.neighbours.mean(1), found.neighbours.amax(1)
        jumps = (found.kept > 0.5 * largest) & (largest > LEAST * found.ends.mean())
        return {
            "continuity-step": share(mean, found.ends, seed),
            "continuity-largest-step": share(largest, found.ends, seed),
            "continuity-jumps": wilson(int(jumps.sum()), self.count),
        }

    def walk(self, ways: Ways, extractor: Extractor) -> Steps:
        """The distances on all ways."""
        parts = [self._walk(ways, extractor, rows) for rows in torch.arange(self.count).split(PART)]
        return Steps(*(torch.cat([getattr(part, name) for part in parts]) for name in Steps.__annotations__))

    def _walk(self, ways: Ways, extractor: Extractor, rows: Tensor) -> Steps:
        places = torch.linspace(0, 1, self.steps + 1, dtype=torch.float64)
        images = ways.images(rows.repeat_interleave(len(places)), places.repeat(len(rows)))
        check_unrounded(extractor, images)
        seen = perceived(extractor, images).unflatten(0, (len(rows), len(places)))  # [ways, places, d]
        neighbours = distance(seen[:, 1:], seen[:, :-1])
        worst = neighbours.argmax(1)
        here, there = (seen[torch.arange(len(rows)), worst + end] for end in (0, 1))
        kept = self._halved(ways, extractor, rows, (places[worst], places[worst + 1]), (here, there))
        return Steps(neighbours, distance(seen[:, 0], seen[:, -1]), kept)

    def _halved(
        self, ways: Ways, extractor: Extractor, rows: Tensor, places: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor]
    ) -> Tensor:
        """What is left of the distance between two places of each way after the halvings."""
        (low, high), (below, above) = places, seen
        for _ in range(self.halvings):
            middle = linear(low, high, 0.5)
            between = perceived(extractor, ways.images(rows, middle))
            first = distance(below, between) >= distance(between, above)
            low, high = torch.where(first, low, middle), torch.where(first, middle, high)
            below = below.where(first[:, None], between)
            above = between.where(first[:, None], above)
        return distance(below, above)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean, along the last axis."""
    return torch.linalg.vector_norm(a - b, dim=-1)


def share(part: Tensor, whole: Tensor, seed: int) -> Interval:
    """The ratio of two means over ways ``[n]``, with its bootstrap."""
    return bootstrap(lambda drawn: float(part[drawn].sum() / whole[drawn].sum()), len(part), seed=seed)
