"""How far the n-grams of generated texts are from those of real ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from belamy.evaluation.statistics import Interval
from belamy.evaluation.subsampling import subsampled
from belamy.evaluation.text_metric import TextMetric, Unit, grams
from belamy.ranges import Within


class Metric(TextMetric):
    r"""Jensen–Shannon divergence of the laws of n-grams, in bits: ``ngram-divergence-1`` and on.

    .. math:: \mathrm{JS}(p, q) = \mathrm{H}\Bigl(\frac{p + q}{2}\Bigr) - \frac{\mathrm{H}(p) + \mathrm{H}(q)}{2}

    It is 0 for equal laws and 1 for laws without an n-gram in common. Of two samples of one law it is above 0, and far
    above for long n-grams, most of which are seen once: what real texts are told says how far. The interval is over
    draws of both sides.

    References:
        Lin 1991, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37.

    Args:
        unit: What a token is.
        lowercase: Make all letters small first.
        longest: Of the n-grams.
    """

    def __init__(self, *, unit: Unit = "words", lowercase: bool = False, longest: int = 4) -> None:
        super().__init__(unit, lowercase)
        self.longest = Within(1, 16).check("ngram-divergence.longest", longest)

    def measured(self, seed: int) -> dict[str, Interval]:
        """A number for each length that texts of both sides have."""
        sides = [self.tokens("real"), self.tokens("fake")]
        tables = {f"ngram-divergence-{size}": _numbered(sides, size) for size in range(1, self.longest + 1)}

        def measure(*chosen: Tensor) -> dict[str, float]:
            found = {}
            for name, (owners, kinds, most) in tables.items():
                counts = []
                for side, places in enumerate(chosen):
                    weights = torch.bincount(places.flatten(), minlength=len(sides[side])).double()
                    counts.append(torch.bincount(kinds[side], weights[owners[side]], minlength=most))
                if all(float(each.sum()) for each in counts):
                    found[name] = divergence(*counts)
            return found

        places = [torch.arange(len(side))[:, None] for side in sides]
        values = measure(*places)
        within: Mapping[str, Interval] = subsampled(values, measure, *places, seed=seed)
        unknown = Interval(0.0, -float("inf"), float("inf"))
        return {name: within.get(name, unknown._replace(value=value)) for name, value in values.items()}


def _numbered(sides: list[list[list[str]]], size: int) -> tuple[list[Tensor], list[Tensor], int]:
    """Of each side the text and the kind of each n-gram, and how many kinds there are."""
    known: dict[tuple[str, ...], int] = {}
    owners, kinds = [], []
    for texts in sides:
        found = [
            (place, known.setdefault(gram, len(known)))
            for place, text in enumerate(texts)
            for gram in grams(text, size)
        ]
        table = torch.tensor(found, dtype=torch.long).view(-1, 2)
        owners.append(table[:, 0])
        kinds.append(table[:, 1])
    return owners, kinds, len(known)


def divergence(first: Tensor, second: Tensor) -> float:
    """The Jensen–Shannon divergence of two laws, given as counts of the same things, in bits.

    Example:
        >>> round(divergence(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])), 4)
        0.3113
    """
    p, q = first.double() / first.sum(), second.double() / second.sum()
    return max(0.0, float(_bits((p + q) / 2) - (_bits(p) + _bits(q)) / 2))


def _bits(chances: Tensor) -> Tensor:
    return -torch.special.xlogy(chances, chances).sum() / torch.tensor(2.0, dtype=torch.float64).log()
