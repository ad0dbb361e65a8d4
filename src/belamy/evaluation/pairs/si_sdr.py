"""Scale-invariant signal-to-distortion ratio."""

from __future__ import annotations

from torch import Tensor

from belamy.evaluation.pairs import decibels, sounds


class Pair:
    r"""Energy of what the estimate has of the reference over that of the rest, in decibels, at any loudness.

    .. math:: 10 \log_{10} \frac{\lVert\alpha x\rVert^2}{\lVert\alpha x - \hat x\rVert^2}, \qquad
              \alpha = \frac{\langle\hat x, x\rangle}{\lVert x\rVert^2}

    It is infinite for an estimate that is a multiple of the reference, and minus infinite for one that has nothing
    of it, or by rounding about ±300 dB.

    References:
        Le Roux et al. 2018, arXiv 1811.02508, equations 2 to 4.

    Args:
        centred: Take the mean off both sounds first, so that a constant offset counts for nothing.
    """

    higher_is_better = True

    def __init__(self, *, centred: bool = False) -> None:
        self.centred = centred

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = sounds(reference, estimate)
        if self.centred:
            reference, estimate = (each - each.mean(1, keepdim=True) for each in (reference, estimate))
        energy = reference.square().sum(1, keepdim=True)
        target = (reference * estimate).sum(1, keepdim=True) / energy.where(energy > 0, 1) * reference
        return decibels(target.square().sum(1), (target - estimate).square().sum(1))
