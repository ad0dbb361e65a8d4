"""Values at and near the modes 0 and 1: networks approach them smoothly, real pixels sit on them."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import distribution
from belamy.forensics.traces._reduce import shares
from belamy.ranges import Within

_NEAR = (0.5 / 255, 2.5 / 255, 8.5 / 255)
_ZOOM = (0.11, 0.88)


class Trace(BaseTrace):
    """Shares of an image's values that are 0, nearly 0, between, nearly 1, and 1.

    A generator is differentiable and its last layer only approaches the ends of its range, so that its histogram is
    smooth where that of scanned digits has two peaks of one value. Between the modes, on the zoom of the paper, the
    range is cut evenly.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (pixel values; the zoom on 0.11 to 0.88).

    Args:
        bins: Parts of the range between the modes.

    Raises:
        UsageError: An option is out of range.
    """

    title = "Pixel values"

    def __init__(self, *, bins: int = 8) -> None:
        between = torch.linspace(*_ZOOM, Within(1, 256).check("pixel-histogram.bins", bins) + 1, dtype=torch.float64)
        near = torch.tensor(_NEAR, dtype=torch.float64)
        ends = torch.tensor([0.0, 1 - 1e-9], dtype=torch.float64)  # a value of 1 is beyond the last edge
        self.edges = torch.cat([ends[:1], near, between, 1 - near.flip(0), ends[1:]])

    def describe(self, values: Tensor) -> Tensor:
        return shares(torch.bucketize(values.double().flatten(1), self.edges), len(self.edges) + 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        return distribution(real, suspect, "Pixel values", "value", "share of pixels at most this")
