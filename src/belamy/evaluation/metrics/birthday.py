"""How many different images a generator has, told by how soon two of a batch are the same."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log1p
from typing import ClassVar, Literal

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.intervals import clopper_pearson
from belamy.evaluation.neighbours import closest_pairs, has_pair_within
from belamy.evaluation.rows import digest, placed
from belamy.evaluation.sides import SidedMetric, Sides, What
from belamy.evaluation.statistics import Interval
from belamy.modalities.grid import grid
from belamy.seeds import generator

TRIED = 20
"""Batches that say whether a size is large enough."""
MOST = 1000
"""Batches of the chosen size, at most."""
FEWEST = 20
"""Batches that the size leaves at least."""
REAL = 10_000
"""Real images that calibrate the threshold, at most."""
PARTINGS = 2
"""How often the images are parted into batches, whose hits are averaged."""


@dataclass(frozen=True)
class CollisionCounts:
    """Batches of one size, no two of which share an image, and in how many of them two images are the same.

    ``hits`` is a mean over several ways of parting the images into batches.
    """

    size: int
    count: int
    hits: float

    @property
    def support(self) -> Interval:
        """The number of different images; see :class:`Metric`."""
        share = clopper_pearson(self.hits, self.count)
        return Interval(*(self._of(each) for each in (share.value, share.high, share.low)))

    def _of(self, share: float) -> float:
        if share >= 1:
            return 1.0
        return max(1.0, -(self.size**2) / (2 * log1p(-share))) if share > 0 else inf


@dataclass(frozen=True)
class BirthdayResult:
    """What was measured.

    Args:
        threshold: Distance up to which images are the same.
        resolution: The largest support that it can tell.
        batches: By side.
        closest: By side, distances of the closest pairs and their images, two by two.
    """

    threshold: float
    resolution: float
    batches: dict[str, CollisionCounts]
    closest: dict[str, tuple[Tensor, Tensor]]


class Metric(SidedMetric):
    r"""Support size by the birthday paradox.

    In a batch of s draws from S equally likely images, two are the same with probability

    .. math:: p \approx 1 - e^{-s^2/2S} \quad\Longrightarrow\quad S \approx \frac{-s^2}{2\ln(1-p)}

    and p is the share of batches, no two of which have an image in common, with such a pair. Unless ``batch`` is given,
    s is the smallest size (in steps of √2) with p of at least ½ among 20 batches; other batches then give p. If images
    are not equally likely, the true number is larger.

    Two images are the same if they are no farther apart than the ``quantile`` of all pairs of real images closest to
    each other. Real images themselves so come out near the reciprocal of it, ``birthday-support-real``: more than that
    cannot be told. The pairs are shown, for whether they are duplicates is for eyes to say. ``birthday-batch`` is s.
    The interval is the exact one for p (Clopper & Pearson) over batches of further images; since p is a mean over two
    ways of parting the images, it is rather too wide than too narrow.

    *Departs from the paper*: there people judge the 20 closest pairs of each batch; here a calibrated threshold does.

    References:
        Arora & Zhang 2018, arXiv 1706.08224, theorem 1 and section 3.

    Args:
        by: Distances of ``pixels`` (values 0 to 1) or of ``features``; Euclidean.
        batch: s; none to find it.
        quantile: Share of the pairs of real images that are close enough to be taken for the same.
        threshold: Distance up to which images are the same, instead of the quantile's.
        shown: Closest pairs that are shown.
        seed: Of the batches.

    Raises:
        UsageError: An option is out of its range.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"images"})
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(
        self,
        *,
        by: Literal["pixels", "features"] = "pixels",
        batch: int | None = None,
        quantile: float = 1e-6,
        threshold: float | None = None,
        shown: int = 20,
        seed: int = 0,
    ) -> None:
        if batch is not None and batch < 2:
            raise UsageError(f"birthday.batch is {batch}, but a pair takes 2 images: write 2 or more.")
        if not 0 < quantile < 1:
            raise UsageError(f"birthday.quantile is {quantile}, but it must be between 0 and 1.")
        if shown < 1:
            raise UsageError(f"birthday.shown is {shown}: write 1 or more.")
        self.by, self.batch, self.quantile, self.threshold = by, batch, quantile, threshold
        self.shown, self.seed = shown, seed
        self.what: What = "images" if by == "pixels" else "features"
        self.sides: Sides[BirthdayResult] = Sides("features", "images")

    def compute(self) -> dict[str, float]:
        values = {name: each.value for name, each in self.intervals().items()}
        return {**values, "birthday-batch": self._found().batches["fake"].size} if values else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if not self._enough():
            return {}
        names = {"fake": "birthday-support", "real": "birthday-support-real"}
        return {names[side]: batches.support for side, batches in self._found().batches.items()}

    @property
    def notes(self) -> list[str]:
        if not self._enough():
            return [f"The birthday paradox needs at least {self._least()} generated images, with their {self.by}."]
        found = self._found()
        notes = []
        if self.threshold is None and self.sides.count("real", self.what) < 2:
            notes.append("Birthday: without real images, only images that are equal throughout count as the same.")
        elif found.batches["fake"].support.high > found.resolution:
            notes.append(
                f"Birthday: so few real images set the threshold at one pair of {found.resolution:,.0f}; supports "
                "beyond that number cannot be told from it."
            )
        if not found.batches["fake"].hits:
            low = found.batches["fake"].support.low
            notes.append(f"Birthday: no batch has a pair that is the same, so there are {low:,.0f} images or more.")
        return notes

    def figures(self) -> dict[str, Tensor]:
        if not self._enough() or not self.sides.count("fake", "images"):
            return {}
        titles = {"fake": "Closest pairs of generated images", "real": "Closest pairs of real images"}
        return {titles[side]: _picture(*pairs) for side, pairs in self._found().closest.items()}

    def _least(self) -> int:
        return 2 * FEWEST if self.batch is None else self.batch

    def _enough(self) -> bool:
        return self.sides.count("fake", self.what) >= self._least()

    def _found(self) -> BirthdayResult:
        return self.sides.once(self._measured)

    def _measured(self) -> BirthdayResult:
        unit = 255.0 if self.by == "pixels" else 1.0
        fakes = self.sides.table("fake", self.what)
        distances, pairs = closest_pairs(fakes, self.shown)
        tables, closest = {"fake": placed(fakes)}, {}
        if self.sides.count("fake", "images"):
            closest["fake"] = distances / unit, self.sides.images("fake", pairs.flatten())
        threshold, resolution = (self.threshold or 0.0) * unit, inf
        if self.sides.count("real", self.what) > 1:
            table = placed(self.sides.table("real", self.what))
            tables["real"] = table = table[self._order(table, "calibration")[:REAL]]
            resolution = len(table) * (len(table) - 1) / 2 if self.threshold is None else inf
            count = max(1, ceil(self.quantile * resolution)) if self.threshold is None else 1
            distances, pairs = closest_pairs(table, max(count, self.shown))
            if self.threshold is None:
                threshold, resolution = float(distances[:count][-1]), resolution / count
            if self.by == "pixels":
                shape = self.sides.images("real", torch.zeros(1, dtype=torch.long)).shape[1:]
                images = table[pairs[: self.shown].flatten()].unflatten(1, shape)
                closest["real"] = distances[: self.shown] / unit, images
        enough = {side: table for side, table in tables.items() if len(table) >= self._least()}
        batches = {side: self._batches(table, threshold) for side, table in enough.items()}
        return BirthdayResult(threshold / unit, resolution, batches, closest)

    def _batches(self, table: Tensor, threshold: float) -> CollisionCounts:
        size = self.batch or self._size(table, threshold)
        partings = [self._drawn(table, size, f"batches-{number}")[:MOST] for number in range(PARTINGS)]
        hits = sum(has_pair_within(table[each], threshold) for drawn in partings for each in drawn)
        return CollisionCounts(size, len(partings[0]), hits / PARTINGS)

    def _size(self, table: Tensor, threshold: float) -> int:
        """The smallest size of batches half of which have a pair that is the same."""
        size, most = 2, max(2, len(table) // FEWEST)
        while size < most:
            drawn = self._drawn(table, size, "size")[:TRIED]
            if 2 * sum(has_pair_within(table[each], threshold) for each in drawn) >= len(drawn):
                break
            size = min(most, ceil(size * 2**0.5))
        return size

    def _drawn(self, table: Tensor, size: int, stream: str) -> list[Tensor]:
        """Places of batches without an image in common."""
        return list(self._order(table, stream, size)[: len(table) // size * size].split(size))

    def _order(self, table: Tensor, *stream: str | int) -> Tensor:
        """A random order of the rows of a table.

        It is another for every table: in a table that was placed, equal rows lie side by side, and one order for all
        tables would part such pairs too often, or too seldom, in every one of them.
        """
        return torch.randperm(len(table), generator=generator(self.seed, "birthday", *stream, digest(table)))


def _picture(distances: Tensor, images: Tensor) -> Tensor:
    """Pairs side by side, each with its distance."""
    captions = [text for distance in distances.tolist() for text in (f"{distance:.3g}", "")]
    return torch.tensor(grid(images, columns=8, scale=None, captions=captions))
