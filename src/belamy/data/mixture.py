"""Mixtures of round Gaussians: the material of most target distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from belamy.seeds import Draws

CHUNK = 1 << 21
"""Distances computed at a time."""


class GaussianMixture:
    r"""Equally weighted Gaussians of one standard deviation.

    .. math:: p(x) = \frac1K \sum_k N(x; c_k, \sigma^2 I)

    Args:
        centres: ``[K, d]``.
        deviation: σ, above 0.

    Example:
        >>> GaussianMixture(torch.zeros(1, 1), 1.0).density(torch.zeros(1, 1))
        tensor([0.3989])
    """

    def __init__(self, centres: Tensor, deviation: float) -> None:
        self.centres, self.deviation = centres, deviation

    def sample(self, count: int, draw: Draws) -> Tensor:
        """``[count, d]`` points."""
        which = (draw.uniform("distribution-part", count) * len(self.centres)).long()
        noise = draw.normal("distribution", count, self.centres.shape[1])
        return self.centres.to(noise)[which.to(noise.device)] + self.deviation * noise

    def density(self, points: Tensor) -> Tensor:
        """``[N]`` at points ``[N, d]``."""
        return torch.cat([self._density(part) for part in points.split(max(1, CHUNK // len(self.centres)))])

    def density_on_grid(self, x: Tensor, y: Tensor) -> Tensor:
        """The density in the plane at every pair: round Gaussians are products over the axes.  # [len(y), len(x)]"""
        parts = [
            torch.exp(-(places[:, None] - self.centres[None, :, axis].to(places)).square() / (2 * self.deviation**2))
            for axis, places in enumerate((x, y))
        ]
        return parts[1] @ parts[0].T / (len(self.centres) * 2 * math.pi * self.deviation**2)

    def _density(self, points: Tensor) -> Tensor:
        dimensions = points.shape[1]
        centres = self.centres.to(points)
        squared = torch.zeros(len(points), len(centres), dtype=points.dtype, device=points.device)
        for axis in range(dimensions):  # not cdist, which loses digits
            squared += (points[:, axis, None] - centres[None, :, axis]).square()
        parts = torch.exp(-squared / (2 * self.deviation**2))  # [N, K]
        return parts.mean(1) / (math.sqrt(2 * math.pi) * self.deviation) ** dimensions
