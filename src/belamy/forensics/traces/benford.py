"""The first digits of cosine coefficients."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.two_samples import jensen_shannon
from belamy.forensics.frequency import cosine_transform
from belamy.forensics.traces import Trace as BaseTrace
from belamy.forensics.traces._reduce import grey, shares
from belamy.pages.charts import line_chart

BLOCK = 8
_LEAST = 0.01
"""Coefficients below this many grey levels are rounding."""
LAW = (1 + 1 / torch.arange(1, 10, dtype=torch.float64)).log10()
"""Benford's shares of the digits 1 … 9."""


class Trace(BaseTrace):
    r"""Shares of the first digits 1 … 9 among the coefficients of 8×8 blocks, and their divergence from Benford's law.

    .. math:: P(d) = \log_{10}(1 + 1/d)

    Coefficients are those of the orthonormal DCT-II of the grey image in levels of 255, the blocks' averages and what
    is nearly 0 left out; how many are left is one more number. An image without any has the law's own shares.

    References:
        Benford 1938, "The law of anomalous numbers"; of block coefficients: Fu, Shi, Su 2007, "A generalized Benford's
        law for JPEG coefficients and its applications in image forensics"; of generated images: Bonettini et al. 2020,
        arXiv 2004.07682.
    """

    title = "First digits of coefficients"

    def unfit(self, shape: tuple[int, ...]) -> str | None:
        side = min(shape[1:])
        return None if side >= BLOCK else f"a block needs {BLOCK} pixels a side, these images have {side}"

    def describe(self, values: Tensor) -> Tensor:
        coefficients = _coefficients(values)
        found = shares(first_digits(coefficients), 10)  # the first column holds what has no digit
        kept = 1 - found[:, :1]
        digits = torch.where(kept > 0, found[:, 1:] / torch.where(kept > 0, kept, 1.0), LAW)
        return torch.cat([digits, jensen_shannon(digits, LAW).unsqueeze(1), kept], 1)

    def figure(self, real: Tensor, suspect: Tensor) -> str:
        series = {"Benford's law": LAW}
        for name, values in (("real", real), ("suspect", suspect)):
            counts = torch.bincount(first_digits(_coefficients(values)).flatten(), minlength=10)[1:].double()
            series[name] = counts / counts.sum().clamp(min=1)
        lines = {name: list(enumerate(table.tolist(), start=1)) for name, table in series.items()}
        return line_chart(lines, self.title, "first digit", "share", smooth=False)


def first_digits(numbers: Tensor) -> Tensor:
    """First decimal digit, 1 … 9, of each number; 0 for those below 0.01.

    Example:
        >>> first_digits(torch.tensor([314.0, -0.25, 1.0, 0.001])).tolist()
        [3, 2, 1, 0]
    """
    size = numbers.double().abs()
    there = size >= _LEAST
    size = torch.where(there, size, 1.0)
    # 0.02 / 10^-2 comes out below 2: a rounding is forgiven
    digits = (size / 10.0 ** size.log10().floor() * (1 + 1e-12)).floor().clamp(1, 9).long()
    return torch.where(there, digits, 0)


def _coefficients(values: Tensor) -> Tensor:
    """Coefficients of whole blocks from the upper left corner on, without the averages.  # [n, blocks * 63]"""
    plane = grey(values) * 255
    blocks = plane.unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK)  # [n, rows, columns, 8, 8]
    return cosine_transform(blocks).flatten(3)[..., 1:].flatten(1)
