"""The Fréchet distance that infinitely many generated images would have."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.gaussians import distance
from belamy.evaluation.intervals import about
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.metrics.frechet import variance
from belamy.evaluation.moments import Moments
from belamy.evaluation.rows import Rows, placed
from belamy.evaluation.statistics import Interval
from belamy.seeds import generator


class Metric(BaseMetric):
    r"""The intercept of the line through Fréchet distances of subsets against 1/n.

    .. math:: \mathbb{E} D_n \approx D_\infty + c/n

    Subsets of the generated images are drawn without replacement at sizes evenly spaced up to all of them; the real
    side is fixed, so that its own bias, about as much as that of as many generated images, stays. It may come out
    below 0.

    The interval is of the sampling of both sets at these sizes, and of the subsets: the variance of the distance to
    first order, as that of :mod:`belamy.evaluation.metrics.frechet`, and that of the intercept about the line.

    *Departs from the paper*: subsets are of the images at hand, where the paper draws each size anew from a
    low-discrepancy sequence; with fewer than ``2 · least`` images the sizes begin at half of them.

    References:
        Chong & Forsyth 2020, arXiv 1911.07023, section 4.

    Args:
        points: How many sizes.
        least: The smallest size.
        sample: Real images that tell the interval, at most.
        seed: Of the subsets.
    """

    def __init__(self, *, points: int = 15, least: int = 5000, sample: int = 10_000, seed: int = 0) -> None:
        if points < 3 or least < 2:
            raise UsageError(
                f"frechet-infinity is given {points} points from {least} images, but it needs 3 from 2 at least."
            )
        self.points, self.least, self.seed = points, least, seed
        self.real, self.real_rows, self.fake_rows = Moments(), Rows(sample), Rows()
        self._known: tuple[float, float] | None = None

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        self._known = None
        if real is not None:
            self.real.update(real.features)
            self.real_rows.update(real.features)
        if fake is not None:
            self.fake_rows.update(fake.features)

    def merge(self, other: Metric) -> None:
        self._known = None
        self.real.merge(other.real)
        self.real_rows.merge(other.real_rows)
        self.fake_rows.merge(other.fake_rows)

    def compute(self) -> dict[str, float]:
        line = self._line()
        return {"frechet-infinity": line[0]} if line else {}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        line = self._line()
        if line is None:
            return {}
        (value, of_line), fake = line, Moments.of(self.fake_rows.table())
        whole = distance(self.real, fake)
        drawn = variance(self.real, fake, self.real_rows.table(), self.fake_rows.table())
        excess = min(1.0, max(0.0, (whole - value) / whole)) if whole > 0 else 1.0
        return {"frechet-infinity": about(value, (drawn * (1 - excess / 2) + of_line) ** 0.5)}

    @property
    def notes(self) -> list[str]:
        found: list[str] = []
        count = len(self.fake_rows)
        if count < 2 * self.points:
            return [
                f"frechet-infinity at {self.points} sizes needs at least {2 * self.points} generated images, but there "
                f"are {count}."
            ]
        if count < 2 * self.least:
            found.append(
                f"frechet-infinity extrapolates from {count // 2:,} … {count:,} generated images, fewer than "
                f"{2 * self.least:,}: its line is short."
            )
        if count // 2 <= self.fake_rows.parts[0].shape[1]:
            found.append(
                "frechet-infinity extrapolates from fewer images than features, where 1/N is no straight line."
            )
        return found

    def _line(self) -> tuple[float, float] | None:
        """The intercept, and its variance about the line; None with too few images for one."""
        count = len(self.fake_rows)
        if self._known is None and count >= 2 * self.points:
            rows = placed(self.fake_rows.table())
            sizes = torch.linspace(min(self.least, count // 2), count, self.points).round().long().tolist()
            found = [self._at(rows, size) for size in sizes]
            self._known = intercept([1 / size for size in sizes], found)
        return self._known

    def _at(self, rows: Tensor, size: int) -> float:
        order = torch.randperm(len(rows), generator=generator(self.seed, "sizes", size))
        return distance(self.real, Moments.of(rows[order[:size]]))


def intercept(places: list[float], values: list[float]) -> tuple[float, float]:
    """Of the line of least squares through ``values`` over ``places``, and its variance.

    Example:
        >>> intercept([1.0, 2.0, 3.0], [3.0, 5.0, 7.0])
        (1.0, 0.0)
    """
    x, y = torch.tensor(places, dtype=torch.float64), torch.tensor(values, dtype=torch.float64)
    spread = (x - x.mean()).square().sum()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / spread
    found = y.mean() - slope * x.mean()
    noise = (y - found - slope * x).square().sum() / (len(x) - 2)
    return float(found), float(noise * (1 / len(x) + x.mean().square() / spread))
