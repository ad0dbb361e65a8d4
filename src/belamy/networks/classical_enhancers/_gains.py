"""What rules that multiply spectra by gains have in common."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.modalities.short_time import frame_length, sounds_of, spectra
from belamy.networks.noise_tracking import noise_powers

LEAST_RATIO = 10**-2.5
"""Of speech to noise, -25 dB: less leaves single tones behind, which sound like music."""
LARGEST_POSTERIOR = 1e4

Gain = Callable[[Tensor, Tensor], Tensor]
"""From the ratios of speech to noise and of what is heard to noise, ``[N, F]`` each, the factor ``[N, F]``."""


class SpectrumEnhancer:
    """Spectra times gains that follow from the powers of what is heard and of the tracked noise.

    Args:
        rate: Samples in a second.
    """

    against = ("noise",)

    def __init__(self, rate: float) -> None:
        self.length = frame_length(rate)

    def gains(self, powers: Tensor, noise: Tensor) -> Tensor:
        """The factors of all frames, from powers.  # [N, F, frames] twice to the same"""
        raise NotImplementedError

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds with the noise turned down.  # [N, C, T]"""
        return of_channels(sounds, self._enhanced)

    def _enhanced(self, sounds: Tensor) -> Tensor:
        found = spectra(sounds, self.length)
        powers = found.abs().square()
        return sounds_of(found * self.gains(powers, noise_powers(powers)), self.length, sounds.shape[-1])


class GainEnhancer(SpectrumEnhancer):
    r"""Spectra times gains that follow from two ratios: ξ of speech to noise, and γ of what is heard to noise.

    ξ is told from the frame before and from the one at hand ("decision-directed"), at least -25 dB:

    .. math:: \xi_t = a\,\frac{G_{t-1}^2\,|y_{t-1}|^2}{\sigma_{t-1}^2} + (1 - a)\max(\gamma_t - 1, 0)

    References:
        Ephraim & Malah 1984, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
        estimator", equation 51.

    Args:
        rate: Samples in a second.
        memory: The share a of the frame before; more leaves fewer tones behind and more echo.

    Raises:
        UsageError: A share that is none.
    """

    def __init__(self, rate: float, *, memory: float = 0.98) -> None:
        if not 0 <= memory < 1:
            raise UsageError(f"The share of the frame before is {memory:g}, but it must be at least 0 and below 1.")
        super().__init__(rate)
        self.memory = memory

    def gain(self, speech: Tensor, heard: Tensor) -> Tensor:
        """The factor ``[N, F]`` of a frame, from ξ and γ ``[N, F]``."""
        raise NotImplementedError

    def gains(self, powers: Tensor, noise: Tensor) -> Tensor:
        """Those of one frame after the other.  # [N, F, frames]"""
        before = torch.ones_like(powers[..., 0])
        gains = []
        for power, level in zip(powers.unbind(-1), noise.unbind(-1), strict=True):
            heard = (power / level).clamp_max(LARGEST_POSTERIOR)
            speech = (self.memory * before + (1 - self.memory) * (heard - 1).clamp_min(0)).clamp_min(LEAST_RATIO)
            gains.append(self.gain(speech, heard))
            before = gains[-1].square() * heard
        return torch.stack(gains, -1)


def of_channels(sounds: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    """What is made of each channel by itself, in float64 and back.  # [N, C, T]"""
    made = work(sounds.flatten(0, 1).double())
    return made.view(sounds.shape).to(sounds.dtype)
