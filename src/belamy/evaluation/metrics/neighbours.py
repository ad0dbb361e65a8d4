"""The training images nearest to generated ones, side by side: the first look for copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import bootstrap, wilson
from belamy.evaluation.neighbours import Nearest, nearest, nearest_in_sum
from belamy.evaluation.rows import placed
from belamy.evaluation.sides import SidedMetric, Sides
from belamy.evaluation.statistics import Interval
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.seeds import generator

PROBED, MOST = 32, 4096
"""Samples that are compared by the distance of their modality together, and training samples that they are compared
with, at most."""
CLOSE = 0.01
"""Share of the held-out images that are as close to a training image as "close" means."""


@dataclass(frozen=True)
class NeighbourResult:
    """What was measured.

    Args:
        features: By side, distances to the nearest training image in features.  # [n]
        pixels: By side, mean absolute differences to it in pixels, of the probed images.  # [p]
        suspects: Which generated images are nearest to a training image, in features.  # [s]
        in_features: Their neighbours there.
        in_pixels: Their neighbours in pixels, by the sum of absolute differences of values from 0 to 1.
    """

    features: dict[str, Tensor]
    pixels: dict[str, Tensor]
    suspects: Tensor
    in_features: Nearest
    in_pixels: Nearest


class Metric(SidedMetric):
    r"""Nearest training images in pixels and in features, against those of real images that were not learned from.

    ``nearest-features`` is the median distance of generated images to their nearest training image over that of
    held-out images, Euclidean in features, and ``nearest-pixels`` that of the L1 distances in pixels, of some probes of
    each kind; below 1 is nearer than honest. ``nearest-close`` is the share of the generated images that are as near in
    features as 1 % of the held-out images are. Pictures show the generated images that are nearest of all, with their
    neighbours in features and in pixels.

    Samples that are no pictures are compared by the distance of their modality instead: ``nearest-samples``.

    A generator whose images vary little is near to training images too: only the pictures tell it from one that copies.
    The intervals are over draws of generated and held-out images (that of ``nearest-close``: of generated ones), with
    the training images fixed.

    Args:
        k: Neighbours that are shown.
        shown: Generated images that are shown.
        probes: Images of each kind that are compared in pixels, where no product of matrices helps.
        seed: Of the probes.

    Raises:
        UsageError: An option is less than 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train", "images"})

    def __init__(self, *, k: int = 5, shown: int = 8, probes: int = 100, seed: int = 0) -> None:
        for name, value in (("k", k), ("shown", shown), ("probes", probes)):
            if value < 1:
                raise UsageError(f"neighbours.{name} is {value}: write 1 or more.")
        self.k, self.shown, self.probes, self.seed = k, shown, probes, seed
        self.sides: Sides[NeighbourResult] = Sides("features", "images")
        self.field: Field | None = None

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        super().update(real=real, fake=fake, train=train)
        held = next((seen.field for seen in (real, fake, train) if seen is not None), None)
        self.field = held if held is not None and held.modality != "image" else None

    @property
    def _raw(self) -> str:
        """What the distance between samples themselves is called."""
        return "nearest-pixels" if self.field is None else "nearest-samples"

    def compute(self) -> dict[str, float]:
        if not self._enough():
            return {}
        found = self.sides.once(self._measured)
        values = {}
        for name, far in (("nearest-features", found.features), (self._raw, found.pixels)):
            if middle := float(far["real"].median()):
                values[name] = float(far["fake"].median()) / middle
        values["nearest-close"] = float(self._close(found).double().mean())
        return values

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        values = self.compute()
        if not values:
            return {}
        found = self.sides.once(self._measured)
        close = self._close(found)
        intervals = {"nearest-close": wilson(int(close.sum()), len(close))}
        for name, far in (("nearest-features", found.features), (self._raw, found.pixels)):
            if name in values:
                intervals[name] = ratio(far["fake"], far["real"], seed)
        return intervals

    @property
    def notes(self) -> list[str]:
        if not self._enough():
            return ["Neighbours need generated, held-out and training images, with their pixels."]
        if self.sides.count("real") < 1 / CLOSE:
            return [f"{self.sides.count('real'):,} held-out images hardly tell how close 1 % of them are."]
        return []

    def figures(self) -> dict[str, Tensor]:
        if not self._enough():
            return {}
        found = self.sides.once(self._measured)
        one, many, by = ("images", "training images", "pixels (L1)") if self.field is None else (
            "samples", "training samples", "distance")  # fmt: skip
        return {
            f"Generated {one} (left) and the nearest {many} in features": self._picture(found, found.in_features),
            f"Generated {one} (left) and the nearest {many} in {by}": self._picture(found, found.in_pixels),
        }

    def _enough(self) -> bool:
        counts = [self.sides.count(side, what) for side in ("real", "fake", "train") for what in self.sides.kept]
        return min(counts) > 0

    def _close(self, found: NeighbourResult) -> Tensor:
        return found.features["fake"] <= found.features["real"].quantile(CLOSE)

    def _measured(self) -> NeighbourResult:
        train, pixels = self.sides.table("train"), self.sides.table("train", "images")
        k = min(self.k, len(train))
        far, near = {}, {}
        for side in ("real", "fake"):
            far[side] = nearest(self.sides.table(side), train).distances[:, 0]
            probes = placed(self.sides.table(side, "images"))
            probes = probes[torch.randperm(len(probes), generator=generator(self.seed, "probes"))[: self.probes]]
            near[side] = self._nearest(probes, pixels, 1).distances[:, 0] / pixels.shape[1]
        suspects = far["fake"].argsort(stable=True)[: self.shown]
        return NeighbourResult(
            far, near, suspects,
            nearest(self.sides.table("fake")[suspects], train, k),
            self._nearest(self.sides.table("fake", "images")[suspects], pixels, k),
        )  # fmt: skip

    def _nearest(self, samples: Tensor, others: Tensor, k: int) -> Nearest:
        """Neighbours among flattened samples: by L1 of pixels from 0 to 1, or by the distance of the modality."""
        if self.field is None:
            by_sum = nearest_in_sum(samples, others, k)
            return Nearest(by_sum.distances / 255, by_sum.indices)
        shape, kind = self.field.shape, modality(self.field.modality)
        found = [kind.distances(part.unflatten(1, shape) if shape else part[:, 0], whole, self.field).double().cpu()
                 for whole in [others[:MOST].unflatten(1, shape) if shape else others[:MOST, 0]]
                 for part in samples.split(PROBED)]  # fmt: skip
        return Nearest(*torch.cat(found).topk(min(k, MOST), largest=False))

    def _picture(self, found: NeighbourResult, neighbours: Nearest) -> Tensor:
        """A row for each suspect: it, then its neighbours with their distances."""
        own = self.sides.images("fake", found.suspects)
        others = self.sides.images("train", neighbours.indices.flatten()).unflatten(0, neighbours.indices.shape)
        images = torch.cat([own[:, None], others], 1).flatten(0, 1)
        columns = 1 + neighbours.indices.shape[1]
        captions = [text for row in neighbours.distances.tolist() for text in ("", *(f"{each:.3g}" for each in row))]
        if self.field is not None:
            return torch.tensor(modality(self.field.modality).sheet(images, self.field, columns, captions))
        return torch.tensor(grid(images, columns=columns, scale=None, captions=captions))


def ratio(first: Tensor, second: Tensor, seed: int) -> Interval:
    """The median of the first numbers over that of the second, both drawn again for the interval."""
    first, second = first.sort().values, second.sort().values  # so that the draw does not depend on their order

    def statistic(one: Tensor, other: Tensor) -> float:
        return float(first[one].median() / second[other].median())

    return bootstrap(statistic, len(first), len(second), seed=seed)
