"""How near the nearest other image of the same set is: a generator repeats itself, a camera does not."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.neighbours import nearest_within
from belamy.forensics.neighbours import describe
from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution

_NEAREST = 2


class Trace(BaseTrace):
    r"""Root mean square distance, per value, to the nearest other image, its logarithm, and its ratio to the second.

    .. math:: d_1 = \min_{j\ne i}\sqrt{\tfrac1m\lVert x_i - x_j\rVert^2}, \quad \log d_1, \quad d_1 / d_2

    Copies are at distance 0. Distances shrink as a set grows: both sets must have one size.

    References:
        Arora & Zhang 2017, arXiv 1706.08224 (duplicates tell of a small support).
    """

    title = "Nearest other image"
    together = True

    def describe(self, values: Tensor) -> Tensor:
        return describe(nearest(values))

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        label = "distance of an image to the nearest other"
        return distribution(nearest(real)[:, 0], nearest(suspect)[:, 0], self.title, label)


def nearest(values: Tensor) -> Tensor:
    """Distances to the two nearest other images, the nearer first.  # [n, C, H, W] -> [n, 2]

    Raises:
        UsageError: There are fewer than three images.
    """
    if len(values) <= _NEAREST:
        raise UsageError(f"Distances to two other images need at least 3 images, but there are {len(values)}.")
    return nearest_within(values.flatten(1), _NEAREST).distances / values[0].numel() ** 0.5
