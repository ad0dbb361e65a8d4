"""Structural similarity over several scales."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from belamy.errors import UsageError
from belamy.evaluation.pairs import pictures
from belamy.evaluation.pairs._structure import WINDOW, compare
from belamy.ranges import Within

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, the finest first, as observers' judgements gave them."""


class Pair:
    r"""Contrast and structure at each scale, luminance at the coarsest: 1 for an exact copy.

    .. math:: \prod_{j<J} c_j^{w_j} \cdot s_J^{w_J}

    with :math:`c_j` the mean of contrast times structure at scale j, :math:`s_J` the whole similarity at the coarsest,
    and each scale half as wide as the one before. A negative mean counts as 0. With fewer scales than five the first
    weights are divided by their sum: such numbers are comparable with their like alone.

    *Departs from the paper* in what an odd side's last row does when sides are halved: it is averaged with itself.

    References:
        Wang, Simoncelli & Bovik 2003, "Multiscale structural similarity for image quality assessment", equation 7.

    Args:
        data_range: Largest minus smallest value that a pixel can have: 255 for uint8, 2 for [-1, 1].
        scales: J, 1 to 5; pictures must have at least 10 · 2^(J-1) + 1 pixels a side, 161 for five.

    Raises:
        UsageError: Scales out of range, or pictures too small for them.
    """

    higher_is_better = True

    def __init__(self, *, data_range: float, scales: int = len(WEIGHTS)) -> None:
        Within(1, len(WEIGHTS)).check("ms-ssim.scales", scales)
        self.data_range, self.scales = data_range, scales

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = pictures(reference, estimate, self.data_range)
        self._check(*reference.shape[2:])
        weights = torch.tensor(WEIGHTS[: self.scales], dtype=torch.float64)
        weights = weights / weights.sum() if self.scales < len(WEIGHTS) else weights  # the five add up to 1.0001
        terms = []
        for scale in range(self.scales):
            if scale:
                reference, estimate = (avg_pool2d(each, 2, ceil_mode=True) for each in (reference, estimate))
            found = compare(reference, estimate, self.data_range)
            terms.append(found.contrast if scale < self.scales - 1 else found.similarity)
        return torch.stack(terms, 1).clamp(min=0).pow(weights).prod(1)

    def _check(self, height: int, width: int) -> None:
        side, least = min(height, width), _least(self.scales)
        if side >= least:
            return
        fitting = [scales for scales in range(1, self.scales) if side >= _least(scales)]
        hint = f"Type ms-ssim:scales={fitting[-1]}" if fitting else f"At least {WINDOW}×{WINDOW} are needed"
        raise UsageError(
            f"These pictures are {height}×{width}, but {self.scales} scales need at least {least}×{least}. {hint}, "
            "or compare larger pictures."
        )


def _least(scales: int) -> int:
    """Pixels of the shorter side from which the window fits at the coarsest scale."""
    return (WINDOW - 1) * 2 ** (scales - 1) + 1
