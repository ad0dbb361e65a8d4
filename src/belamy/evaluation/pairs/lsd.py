"""Log-spectral distance."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs import sounds
from belamy.modalities.mel import magnitudes

LEAST = 1e-10
"""What powers are raised by, a sine of amplitude 1 having 1."""


class Pair:
    r"""Root mean square over frequencies of the difference of the log-powers, averaged over pieces, in decibels.

    .. math:: \frac1M \sum_m \sqrt{\frac1K \sum_k \Bigl(10 \log_{10}
              \frac{|X_{mk}|^2 + 10^{-10}}{|\hat X_{mk}|^2 + 10^{-10}}\Bigr)^2}

    It heeds the loudness: an estimate of half the amplitude is 6 dB away. Powers 100 dB below full scale count as no
    sound.

    References:
        Gray & Markel 1976, "Distance measures for speech processing", section IV.

    Args:
        rate: Samples in a second.
        milliseconds: Length of a piece, of which half is the step to the next.

    Raises:
        UsageError: A rate or a length that makes no piece.
    """

    higher_is_better = False

    def __init__(self, *, rate: int, milliseconds: float = 32.0) -> None:
        self.length = 2 * round(rate * milliseconds / 2000)
        if rate < 1 or self.length < 4:
            raise UsageError(
                f"lsd has rate={rate} and milliseconds={milliseconds:g}, which make no piece of 4 samples or more. "
                "Type rate=16000,milliseconds=32."
            )

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = sounds(reference, estimate)
        heard, made = (
            10 * (magnitudes(each, self.length, self.length, self.length // 2).square() + LEAST).log10()
            for each in (reference, estimate)
        )
        return (heard - made).square().mean(1).sqrt().mean(1)
