"""Signal-to-distortion ratio of source separation."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs import decibels, sounds

TAPS = 512


class Pair:
    r"""Energy of what a short filter can make of the reference, nearest to the estimate, over that of the rest, in dB.

    .. math:: 10 \log_{10} \frac{\lVert h * x\rVert^2}{\lVert \hat x - h * x\rVert^2}, \qquad
              h = \arg\min_h \lVert \hat x - h * x\rVert^2

    with h of 512 taps, so a delay or an equaliser counts for nothing. With one tap it is ``si-sdr``. A silent
    reference gives minus infinity.

    References:
        Vincent et al. 2006, "Performance measurement in blind audio source separation", equations 8 to 11, for one
        source without other sources.

    Args:
        taps: Of the filter.

    Raises:
        UsageError: No tap.
    """

    higher_is_better = True

    def __init__(self, *, taps: int = TAPS) -> None:
        if not 1 <= taps <= 1 << 13:
            raise UsageError(f"sdr.taps is {taps}, but it must be in 1..8192.")
        self.taps = taps

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        reference, estimate = sounds(reference, estimate)
        length = reference.shape[1] + self.taps
        size = 1 << (length - 1).bit_length()
        spectrum, other = torch.fft.rfft(reference, size), torch.fft.rfft(estimate, size)
        alike = torch.fft.irfft(spectrum.abs().square(), size)[:, : self.taps]
        crossed = torch.fft.irfft(spectrum.conj() * other, size)[:, : self.taps]
        lags = (torch.arange(self.taps)[:, None] - torch.arange(self.taps)).abs()
        least = 1e-12 * alike[:, :1, None] + 1e-30
        filters = torch.linalg.solve(alike[:, lags] + least * torch.eye(self.taps, dtype=alike.dtype), crossed)
        target = torch.fft.irfft(spectrum * torch.fft.rfft(filters, size), size)[:, :length]
        whole = torch.nn.functional.pad(estimate, (0, self.taps))
        return decibels(target.square().sum(1), (whole - target).square().sum(1))
