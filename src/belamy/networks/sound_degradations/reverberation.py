"""A room: echoes that die away."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.sound_degradations import between, check_span
from belamy.seeds import Draws, SampleDraws


class SoundDegradation:
    r"""The sound itself, and noise that falls by 60 dB within a time, convolved with it.

    .. math:: h_t = \delta_t + g\,n_t\,10^{-3t/T_{60}}, \qquad t > 2\text{ ms}

    where g makes the echoes as strong as the ratio says.

    References:
        Moorer 1979, "About this reverberation business" (echoes as noise under an exponential).

    Args:
        rate: Samples in a second.
        low: Least time T60 in seconds; each sound's is drawn uniformly.
        high: Largest time.
        ratio: Of the direct sound to its echoes, in dB.

    Raises:
        UsageError: Times out of range or of order, or a ratio out of range.
    """

    def __init__(self, rate: float, *, low: float = 0.2, high: float = 0.6, ratio: float = 3.0) -> None:
        check_span("reverberation", low, high, 0.01, 10, "s")
        if not -60 <= ratio <= 60:
            raise UsageError(f"reverberation.ratio is {ratio:g}, but it must be in -60..60 dB.")
        self.rate, self.low, self.high, self.ratio = rate, low, high, ratio

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds with echoes, each channel in the same room.  # [N, C, T]"""
        length = sounds.shape[-1]
        steps = min(length, round(self.high * self.rate))
        falls = between(self.low, self.high, draws, "room", sounds)
        time = torch.arange(steps, device=sounds.device, dtype=sounds.dtype) / self.rate
        echoes = draws.normal("echoes", len(sounds), 1, steps).to(sounds) * 10 ** (-3 * time / falls) * (time > 0.002)
        power = echoes.square().sum(-1, keepdim=True).clamp_min(1e-12)
        echoes = echoes * (10 ** (-self.ratio / 10) / power).sqrt()
        size = length + steps
        tail = torch.fft.irfft(torch.fft.rfft(sounds, size) * torch.fft.rfft(echoes, size), size)
        return sounds + tail[..., :length]
