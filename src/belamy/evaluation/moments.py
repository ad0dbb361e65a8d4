"""Mean and covariance of what comes in parts."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.rows import Rows


class Moments:
    r"""Count, mean and scatter of rows, in float64.

    Two parts join by

    .. math:: \mu = \mu_a + \tfrac{n_b}{n}\delta, \quad S = S_a + S_b + \tfrac{n_a n_b}{n}\delta\delta^\top, \quad
        \delta = \mu_b - \mu_a

    so nothing cancels where the mean is large against the spread. While there are fewer rows than columns the rows
    themselves are kept: they take less memory than the scatter, and are an exact factor of it.

    References:
        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances",
        equations 1.5.

    Example:
        >>> moments = Moments()
        >>> moments.update(torch.tensor([[1.0], [3.0]]))
        >>> moments.mean.item(), moments.covariance.item()
        (2.0, 2.0)
    """

    def __init__(self) -> None:
        self.count = 0
        self._few = Rows()
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._scatter: Tensor | None = None

    @classmethod
    def of(cls, rows: Tensor) -> Moments:
        """Those of ``[n, d]`` rows."""
        made = cls()
        made.update(rows)
        return made

    def update(self, rows: Tensor) -> None:
        """Count ``[n, d]`` rows."""
        if not len(rows):
            return
        if self.count and rows.shape[1] != self.size:
            raise UsageError(f"Features of {rows.shape[1]} numbers cannot join features of {self.size}.")
        if self._scatter is None and self.count + len(rows) < rows.shape[1]:
            self._few.update(rows)
            self.count += len(rows)
            return
        self._spread()
        rows = rows.double()
        mean = rows.mean(0)
        centred = rows - mean
        self._join(len(rows), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Count what another has counted."""
        for part in other._few.parts:
            self.update(part)
        if other._scatter is not None:
            if self.count and other.size != self.size:
                raise UsageError(f"Features of {other.size} numbers cannot join features of {self.size}.")
            self._spread()
            self._join(other.count, other._mean, other._scatter)

    @property
    def size(self) -> int:
        """d, how many numbers a row has; 0 before the first."""
        return len(self._mean) if self._scatter is not None else self._few.parts[0].shape[1] if self.count else 0

    @property
    def mean(self) -> Tensor:
        """``[d]``."""
        return self._few.table().double().mean(0) if self._scatter is None and self.count else self._mean

    @property
    def centred(self) -> Tensor | None:
        """The rows less their mean ``[n, d]`` if there are fewer rows than columns; else None: they are not kept."""
        if self._scatter is not None or not self.count:
            return None
        rows = self._few.table().double()
        return rows - rows.mean(0)

    @property
    def covariance(self) -> Tensor:
        """``[d, d]``, divided by n - 1.

        Raises:
            UsageError: There are fewer than two rows.
        """
        self.enough()
        centred = self.centred
        scatter = self._scatter if centred is None else centred.T @ centred
        assert scatter is not None  # what is not kept as rows is kept as scatter
        return scatter / (self.count - 1)

    @property
    def variance(self) -> float:
        """The trace of the covariance.

        Raises:
            UsageError: There are fewer than two rows.
        """
        self.enough()
        centred = self.centred
        return float(self.covariance.trace() if centred is None else centred.square().sum() / (self.count - 1))

    def enough(self) -> None:
        """Raise unless there is a covariance."""
        if self.count < 2:
            there = "is 1" if self.count == 1 else "are none"
            raise UsageError(f"A covariance needs at least 2 images, but there {there}.")

    def _spread(self) -> None:
        """Turn rows that are kept into mean and scatter."""
        if self._scatter is not None or not self.count:
            return
        rows = self._few.table().double()
        self._mean = rows.mean(0)
        centred = rows - self._mean
        self._scatter, self._few = centred.T @ centred, Rows()

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if self._scatter is None:
            self.count, self._mean, self._scatter = count, mean.clone(), scatter.clone()
            return
        total, delta = self.count + count, mean - self._mean
        self._scatter = self._scatter + scatter + delta.outer(delta) * (self.count * count / total)
        self._mean = self._mean + delta * (count / total)
        self.count = total


class MomentsMetric(BaseMetric):
    """A metric of the moments of both sides, with a sample of the rows of each.

    Args:
        sample: Rows that are kept on each side, at most.
    """

    def __init__(self, sample: int) -> None:
        self.real, self.fake = Moments(), Moments()
        self.real_rows, self.fake_rows = Rows(sample), Rows(sample)
        self._known: dict[str, float] = {}

    def update(self, *, real: ExtractedFeatures | None = None, fake: ExtractedFeatures | None = None) -> None:
        self._known = {}
        for moments, rows, seen in ((self.real, self.real_rows, real), (self.fake, self.fake_rows, fake)):
            if seen is not None:
                moments.update(seen.features)
                rows.update(seen.features)

    def merge(self, other: Self) -> None:
        self._known = {}
        for own, others in ((self.real, other.real), (self.fake, other.fake)):
            own.merge(others)
        for rows, more in ((self.real_rows, other.real_rows), (self.fake_rows, other.fake_rows)):
            rows.merge(more)
