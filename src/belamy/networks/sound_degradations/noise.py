"""Noise by formula: white, pink or brown."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from belamy.networks.sound_degradations import between, check_span
from belamy.seeds import Draws, SampleDraws

SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""The power of the frequency by which amplitudes fall."""
MOST = 100.0


class SoundDegradation:
    r"""Normal noise, as loud as the ratio of powers says.

    .. math:: y = x + n \sqrt{\frac{\overline{x^2}}{\overline{n^2}}\,10^{-r/10}}

    A silent sound stays as it is.

    Args:
        rate: Samples in a second.
        colour: ``white``, or ``pink`` or ``brown``, whose power falls by 3 or 6 dB with each octave.
        low: Least ratio r of sound to noise, in dB; each sound's is drawn uniformly.
        high: Largest ratio.

    Raises:
        UsageError: Ratios out of range or of order.
    """

    def __init__(
        self, rate: float, *, colour: Literal["white", "pink", "brown"] = "white", low: float = 0.0, high: float = 15.0
    ) -> None:
        check_span("noise", low, high, -MOST, MOST, "dB")
        self.slope, self.low, self.high = SLOPES[colour], low, high

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds with noise.  # [N, C, T]"""
        noise = draws.normal("noise", *sounds.shape).to(sounds)
        if self.slope:
            found = torch.fft.rfft(noise)
            bins = torch.arange(found.shape[-1], device=sounds.device).clamp_min(1).to(sounds)
            noise = torch.fft.irfft(found * bins**-self.slope, sounds.shape[-1])
        return mixed(sounds, noise, between(self.low, self.high, draws, "ratio", sounds))


def mixed(sounds: Tensor, noise: Tensor, ratio: Tensor) -> Tensor:
    """Sounds with noise at ratios in dB ``[N, 1, 1]``, of the powers over channels and time.  # [N, C, T]"""
    own, other = (each.square().mean((1, 2), keepdim=True) for each in (sounds, noise))
    return sounds + noise * (own / other.clamp_min(1e-12) * 10 ** (-ratio / 10)).sqrt()
