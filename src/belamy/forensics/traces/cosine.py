"""Power of each cosine: where a network's enlarging layers leave a grid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from belamy.forensics.frequency import cosine_transform
from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._charts import course
from belamy.forensics.traces._reduce import grey
from belamy.ranges import Within

_FLOOR = 1e-10
"""Power of a coefficient below which it is rounding: about 0.003 grey levels of 255."""


class Trace(BaseTrace):
    r"""Logarithms of the squared coefficients of the orthonormal DCT-II of the whole grey image.

    .. math:: \log\bigl(\overline{c_{uv}^2} + 10^{-10}\bigr)

    An image with a longer side has neighbouring coefficients averaged, so that at most ``side`` of each direction are
    left.

    *Departs from the paper*: the mean of the channels is transformed, not each.

    References:
        Frank et al. 2020, arXiv 2003.08685.

    Args:
        side: Numbers in each direction, at most.

    Raises:
        UsageError: An option is out of range.
    """

    title = "Cosine transform"

    def __init__(self, *, side: int = 32) -> None:
        self.side = Within(1, 256).check("cosine.side", side)

    def describe(self, values: Tensor) -> Tensor:
        return self._logarithms(values).flatten(1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        tables = [_by_sum(self._logarithms(values).exp()) for values in (real, suspect)]
        return course(
            tables[0], tables[1], range(tables[0].shape[1]), self.title, "sum of both frequencies", "mean square",
            log_y=True,
        )  # fmt: skip

    def _logarithms(self, values: Tensor) -> Tensor:
        squares = cosine_transform(grey(values)).square()
        height, width = (min(self.side, size) for size in squares.shape[1:])
        fields = adaptive_avg_pool2d(squares, (height, width))
        return (fields + _FLOOR).log()


def _by_sum(table: Tensor) -> Tensor:
    """Means over the entries whose indices have one sum.  # [n, h, w] -> [n, h + w - 1]"""
    count, height, width = table.shape
    place = (torch.arange(height).unsqueeze(1) + torch.arange(width)).flatten()
    sums = torch.zeros(count, height + width - 1, dtype=table.dtype).index_add_(1, place, table.flatten(1))
    return sums / torch.bincount(place)
