"""Sounds as short-time spectra, and back."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

SECONDS = 0.032
"""Length of a frame; speech hardly changes in it."""


def frame_length(rate: float, seconds: float = SECONDS) -> int:
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
    """Spectra of frames half a frame apart; the ends are filled with silence.

    Args:
        sounds: ``[N, T]``.
        length: Samples of a frame.

    Returns:
        Complex ``[N, length // 2 + 1, T // (length // 2) + 1]``.
    """
    window = root_of_hann(length, sounds.dtype, sounds.device)
    return torch.stft(sounds, length, length // 2, window=window, pad_mode="constant", return_complex=True)


def sounds_of(found: Tensor, length: int, samples: int) -> Tensor:
    """The sounds ``[N, samples]`` that spectra ``[N, length // 2 + 1, frames]`` are of: the inverse of :func:`spectra`.

    Where the spectra were changed, the sounds whose own spectra are nearest to them.
    """
    window = root_of_hann(length, found.real.dtype, found.device)
    return torch.istft(found, length, length // 2, window=window, length=samples)
