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


def centred_spectra(sounds: Tensor, window: int, hop: int) -> Tensor:
    """Spectra of Hann windows of which one lies around each piece of ``hop`` samples; beyond the ends is silence.

    Args:
        sounds: ``[N, T]``, T a multiple of ``hop``.
        window: Samples of a window, an even number.
        hop: Samples from one window to the next, an even number below ``window``.

    Returns:
        Complex ``[N, window // 2 + 1, T // hop]``.
    """
    side = (window - hop) // 2
    taper = torch.hann_window(window, dtype=sounds.dtype, device=sounds.device)
    return torch.fft.rfft(pad(sounds, (side, side)).unfold(1, window, hop) * taper).mT


def centred_sounds(found: Tensor, window: int, hop: int) -> Tensor:
    """The sounds ``[N, T]`` whose own spectra are nearest to ``[N, window // 2 + 1, T // hop]``.

    The inverse of :func:`centred_spectra`.

    References:
        Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.
    """
    frames, side = found.shape[2], (window - hop) // 2
    taper = torch.hann_window(window, dtype=found.real.dtype, device=found.device)
    laid = {"output_size": (1, (frames - 1) * hop + window), "kernel_size": (1, window), "stride": (1, hop)}
    whole = fold((torch.fft.irfft(found.mT, window) * taper).mT, **laid)
    weight = fold(taper.square()[None, :, None].expand(1, window, frames), **laid)
    within = slice(side, side + frames * hop)  # beyond it weights may be 0, which gradients must not meet
    return whole[:, 0, 0, within] / weight[:, 0, 0, within]


def with_phases_found(magnitudes: Tensor, window: int, hop: int, iterations: int) -> Tensor:
    """Sounds ``[N, T]`` of nearly these magnitudes ``[N, window // 2 + 1, T // hop]``: the phases are searched for.

    The first phases are uniform random numbers, always the same ones, so that a sound is a function of its magnitudes.

    References:
        Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", section III.

    Args:
        magnitudes: Of the spectra of :func:`centred_spectra`.
        window: Samples of a window.
        hop: Samples from one window to the next.
        iterations: How often the phases of the last sound's spectra are taken.
    """
    numbers = torch.Generator().manual_seed(0)
    turns = torch.rand(magnitudes.shape[1:], generator=numbers, dtype=torch.float64).to(magnitudes)
    sounds = centred_sounds(torch.polar(magnitudes, (2 * torch.pi * turns).expand_as(magnitudes)), window, hop)
    for _ in range(iterations):
        angles = centred_spectra(sounds, window, hop).angle()
        sounds = centred_sounds(torch.polar(magnitudes, angles), window, hop)
    return sounds
