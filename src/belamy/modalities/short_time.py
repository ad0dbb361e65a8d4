"""Sounds as short-time spectra, and back."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import fold, pad

FRAME_SECONDS = 0.032
"""Length of a frame; speech hardly changes in it."""
COMPRESSION = 0.3
"""Magnitudes to this power are nearly as loudness is heard."""
_LEAST = 1e-8


def frame_length(rate: float, seconds: float = FRAME_SECONDS) -> int:
    """Samples of a frame: an even number, for half a frame is one step.

    Example:
        >>> frame_length(16000), frame_length(8000)
        (512, 256)
    """
    return max(4, 2 * round(rate * seconds / 2))


@lru_cache(maxsize=32)
def root_of_hann(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The root of the periodic Hann window: its squares, half a window apart, add up to 1.  # [length]"""
    return torch.hann_window(length, dtype=dtype, device=device).sqrt()


def spectra(sounds: Tensor, length: int) -> Tensor:
    """Spectra of frames half a frame apart, the first around the first sample; the ends are filled with silence.

    Args:
        sounds: ``[N, T]``.
        length: Samples of a frame.

    Returns:
        Complex ``[N, length // 2 + 1, frames]``, a frame more than there are half frames in T.
    """
    step = length // 2
    window = root_of_hann(length, sounds.dtype, sounds.device)
    whole = pad(sounds, (step, step - sounds.shape[1] % -step))
    return torch.fft.rfft(whole.unfold(1, length, step) * window).mT


def sounds_of(found: Tensor, length: int, samples: int) -> Tensor:
    """The sounds ``[N, samples]`` that spectra ``[N, length // 2 + 1, frames]`` are of: the inverse of :func:`spectra`.

    Where the spectra were changed, the sounds whose own spectra are nearest to them.

    References:
        Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.
    """
    step, frames = length // 2, found.shape[2]
    window = root_of_hann(length, found.real.dtype, found.device)
    pieces = torch.fft.irfft(found.mT, length) * window
    whole = fold(pieces.mT, (1, (frames + 1) * step), (1, length), stride=(1, step))
    return whole[:, 0, 0, step : step + samples]


def compressed(found: Tensor) -> tuple[Tensor, Tensor]:
    """Magnitudes to the power 0.3, and real and imaginary parts of that size.  # [N, F, T] to the same and [N, 2, F, T]

    Args:
        found: Complex spectra.
    """
    parts = torch.stack([found.real, found.imag], 1)
    powers = parts.square().sum(1) + _LEAST
    return powers ** (COMPRESSION / 2), parts * powers[:, None] ** ((COMPRESSION - 1) / 2)
