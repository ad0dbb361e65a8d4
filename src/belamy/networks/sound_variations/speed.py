"""Faster and higher, or slower and deeper: other voices of the same words."""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from belamy.networks.sound_degradations import between, check_span
from belamy.seeds import Draws, SampleDraws


class SoundVariation:
    """Each sound is played at a speed of its own, by its spectrum, and comes again from its beginning where it is over.

    A sound is taken for a whole number of periods, so its two ends touch. Speeds are those that make of it a number of
    samples whose transform is quick, at most two hundredths off.

    References:
        Ko et al. 2015, "Audio augmentation for speech recognition", section 2 (three speeds, 0.9, 1 and 1.1).

    Args:
        low: Least speed, each drawn uniformly; above 1 a sound is shorter and higher.
        high: Largest speed.

    Raises:
        UsageError: Speeds out of range or of order.
    """

    def __init__(self, *, low: float = 0.85, high: float = 1.15) -> None:
        check_span("speed", low, high, 0.5, 2.0, "times as fast")
        self.low, self.high = low, high

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds at other speeds.  # [N, C, T]"""
        length = sounds.shape[-1]
        speeds = between(self.low, self.high, draws, "speed", sounds).flatten().tolist()
        played = []
        for spectrum, speed in zip(torch.fft.rfft(sounds), speeds, strict=True):
            samples = next_fast_len(round(length / speed))
            sound = torch.fft.irfft(spectrum, samples) * (samples / length)
            played.append(sound.repeat(1, -(-length // samples))[..., :length])
        return torch.stack(played)
