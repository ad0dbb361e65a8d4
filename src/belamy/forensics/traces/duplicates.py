"""How near the nearest other image of the same set is: a generator repeats itself, a camera does not."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.forensics.traces._charts import distribution

_ROWS = 1000
_NEAREST = 2
_LEAST = 1e-6
"""Distance below which images are the same, where its logarithm is taken."""


class Trace:
    r"""Root mean square distance, per value, to the nearest other image, its logarithm, and its ratio to the second.

    .. math:: d_1 = \min_{j\ne i}\sqrt{\tfrac1m\lVert x_i - x_j\rVert^2}, \quad \log d_1, \quad d_1 / d_2

    The nearest are found among all by products in float64 and then measured exactly, so that copies are at distance 0.
    Distances shrink as a set grows: both sets must have one size.

    References:
        Arora & Zhang 2017, arXiv 1706.08224 (duplicates tell of a small support).
    """

    title = "Nearest other image"
    quantised = True
    together = True

    def unfit(self, shape: tuple[int, int, int]) -> str | None:
        return None

    def describe(self, values: Tensor) -> Tensor:
        near = nearest(values)
        ratio = torch.where(near[:, 1] > 0, near[:, 0] / torch.where(near[:, 1] > 0, near[:, 1], 1.0), 1.0)
        return torch.stack([near[:, 0], (near[:, 0] + _LEAST).log(), ratio], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        label = "distance of an image to the nearest other"
        return distribution(nearest(real)[:, 0], nearest(suspect)[:, 0], self.title, label)


def nearest(values: Tensor) -> Tensor:
    """Distances to the two nearest other images, the nearer first.  # [n, C, H, W] -> [n, 2]

    Raises:
        UsageError: There are fewer than three images.
    """
    rows = values.double().flatten(1)
    if len(rows) <= _NEAREST:
        raise UsageError(f"Distances to two other images need at least 3 images, but there are {len(rows)}.")
    squares = rows.square().sum(1)
    found = []
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        distances = torch.addmm(squares.unsqueeze(0), block, rows.T, alpha=-2)  # without the block's own squares
        own = torch.arange(len(block))
        distances[own, start + own] = torch.inf
        chosen = distances.topk(_NEAREST, largest=False).indices  # [b, 2]
        found.append((block.unsqueeze(1) - rows[chosen]).square().mean(2).sort(1).values.sqrt())
    return torch.cat(found)
