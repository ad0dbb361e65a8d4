"""Mean and covariance of what comes in parts."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError


class Moments:
    r"""Count, mean and scatter of rows, in float64.

    Two parts join by

    .. math:: \mu = \mu_a + \tfrac{n_b}{n}\delta, \quad S = S_a + S_b + \tfrac{n_a n_b}{n}\delta\delta^\top, \quad
        \delta = \mu_b - \mu_a

    so nothing cancels where the mean is large against the spread.

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
        self.mean = torch.zeros(0, dtype=torch.float64)
        self.scatter = torch.zeros(0, 0, dtype=torch.float64)

    def update(self, rows: Tensor) -> None:
        """Count ``[n, d]`` rows."""
        if not len(rows):
            return
        rows = rows.double()
        mean = rows.mean(0)
        centred = rows - mean
        self._join(len(rows), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Count what another has counted."""
        if other.count:
            self._join(other.count, other.mean, other.scatter)

    @property
    def covariance(self) -> Tensor:
        """``[d, d]``, divided by n - 1.

        Raises:
            UsageError: There are fewer than two rows.
        """
        if self.count < 2:
            raise UsageError(f"A covariance needs at least 2 images, but there {_are(self.count)}.")
        return self.scatter / (self.count - 1)

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if not self.count:
            self.count, self.mean, self.scatter = count, mean.clone(), scatter.clone()
            return
        if len(mean) != len(self.mean):
            raise UsageError(f"Features of {len(mean)} numbers cannot join features of {len(self.mean)}.")
        total, delta = self.count + count, mean - self.mean
        self.scatter = self.scatter + scatter + delta.outer(delta) * (self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total


def _are(count: int) -> str:
    return "is 1" if count == 1 else "are none"
