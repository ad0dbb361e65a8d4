"""A limited band: no high notes, as of a telephone."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.seeds import Draws, SampleDraws

_SOFT = 0.1
"""Of the limit: the band in which a filter falls, as half a cosine."""


class SoundDegradation:
    """Frequencies above a limit are left out, by a filter without phase.

    Args:
        rate: Samples in a second.
        low: Least limit in hertz; each sound's is drawn uniformly.
        high: Largest limit.

    Raises:
        UsageError: Limits out of range or of order.
    """

    def __init__(self, rate: float, *, low: float = 3400.0, high: float = 3400.0) -> None:
        if not 0 < low <= high <= rate / 2:
            raise UsageError(
                f"band-limit has low={low:g} and high={high:g}, but 0 < low <= high <= {rate / 2:g} Hz must hold, half "
                f"the rate. Type band-limit:low={min(3400, rate / 4):g},high={min(3400, rate / 4):g}."
            )
        self.low, self.high, self.rate = low, high, rate

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds without what lies above their limits.  # [N, C, T]"""
        length = sounds.shape[-1]
        u = draws.uniform("limit", len(sounds), 1, 1).to(sounds)
        limit = self.low + (self.high - self.low) * u
        hertz = torch.arange(length // 2 + 1, device=sounds.device, dtype=sounds.dtype) * (self.rate / length)
        beyond = ((hertz - limit * (1 - _SOFT)) / (limit * _SOFT)).clamp(0, 1)
        return torch.fft.irfft(torch.fft.rfft(sounds) * (1 + torch.cos(pi * beyond)) / 2, length)
