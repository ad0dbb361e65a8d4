"""How surely generated images are of a class, and of how many classes they are."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.rows import Rows, placed
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator


class Metric(BaseMetric):
    r"""Exponential of the mean divergence of an image's class probabilities from those of all images.

    .. math:: \exp \mathbb{E}_x \mathrm{KL}\bigl(p(y|x)\,\Vert\,p(y)\bigr), \qquad p(y) = \mathbb{E}_x p(y|x)

    From 1 to the number of classes. ``inception-score`` is the mean over splits, each with its own p(y), which makes it
    too small where splits are small against the number of classes; ``inception-score-split-sd`` is the standard
    deviation (divisor: the number of splits) that is printed with it; ``inception-score-1-split`` is of all images at
    once, and ``inception-score-real`` the same of real images, which the score itself does not look at: a copy of the
    training set scores best.

    Intervals are of the sampling of the images: over splits, which share no image, Student's; of all images, by the
    variance of the divergences, which are the score's influences.

    References:
        Salimans et al. 2016, arXiv 1606.03498, section 4; its faults: Barratt & Sharma 2018, arXiv 1801.01973.

    Args:
        splits: How many.
        seed: Of the shuffle before the split.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, *, splits: int = 10, seed: int = 0) -> None:
        if splits < 1:
            raise UsageError(f"The inception score is given {splits} splits, but it needs at least 1.")
        self.splits, self.seed = splits, seed
        self.real, self.fake = Rows(), Rows()

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        for rows, seen in ((self.real, real), (self.fake, fake)):
            if seen is not None and seen.probabilities is not None:
                rows.update(_checked(seen.probabilities))

    def merge(self, other: Metric) -> None:
        self.real.merge(other.real)
        self.fake.merge(other.fake)

    def compute(self) -> dict[str, float]:
        if not len(self.fake):
            return {}
        found, values = torch.tensor(self._split_scores(), dtype=torch.float64), {}
        if len(found):
            values["inception-score"] = float(found.mean())
        if self.splits > 1:
            values["inception-score-1-split"] = score(self.fake.table())
        if len(found) > 1:
            values["inception-score-split-sd"] = float(found.std(correction=0))
        if len(self.real):
            values["inception-score-real"] = score(self.real.table())
        return values

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not len(self.fake):
            return {}
        scores = self._split_scores()
        found = {"inception-score": intervals.mean(scores)} if len(scores) > 1 else {}
        whole = "inception-score" if self.splits == 1 else "inception-score-1-split"
        for name, rows in ((whole, self.fake), ("inception-score-real", self.real)):
            if len(rows) > 1:
                each = divergences(rows.table())
                found[name] = intervals.factor(float(each.mean().exp()), float(each.std()) / len(each) ** 0.5)
        return found

    @property
    def notes(self) -> list[str]:
        if not len(self.fake):
            return []
        found = ["The inception score looks at no real image: copies of the training set score best."]
        classes, part = self.fake.table().shape[1], len(self.fake) // self.splits
        if part < 2:
            found.append(
                f"The inception score in {self.splits} splits needs at least {2 * self.splits} images, but there are "
                f"{len(self.fake)}: take more, or inception-score:splits=1."
            )
        elif part < 10 * classes:
            found.append(
                f"Splits of {part:,} images are small for {classes:,} classes: the inception score comes out too "
                f"small. Compare at equal N and splits only, or by inception-score-1-split."
            )
        return found

    def _split_scores(self) -> list[float]:
        """The score of each split; none with fewer than two images for each."""
        count = len(self.fake)
        if count < 2 * self.splits:
            return []
        order = torch.randperm(count, generator=generator(self.seed, "splits"))
        return [score(part) for part in placed(self.fake.table())[order].tensor_split(self.splits)]


def score(probabilities: Tensor) -> float:
    """The inception score of all ``[n, K]`` probabilities at once.

    Example:
        >>> round(score(torch.eye(10)), 6)
        10.0
    """
    return float(divergences(probabilities).mean().exp())


def divergences(probabilities: Tensor) -> Tensor:
    """Divergence ``[n]`` of each row of ``[n, K]`` probabilities from their mean; a probability of 0 adds nothing."""
    p = probabilities.double()
    mean = p.mean(0)
    return (torch.xlogy(p, p) - torch.xlogy(p, mean)).sum(1)


def _checked(probabilities: Tensor) -> Tensor:
    sums = probabilities.double().sum(1)
    if not bool(((sums - 1).abs() < 1e-3).all()) or bool((probabilities < 0).any()):
        raise UsageError(
            f"Class probabilities sum to {float(sums.min()):.4g} … {float(sums.max()):.4g}, but they must not be "
            f"negative and sum to 1: the extractor gives something else, such as logits."
        )
    return probabilities
