"""Sounds as short-time spectra, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    return _analysed(pad(sounds, (step, step - sounds.shape[1] % -step)), length)


def _analysed(sounds: Tensor, length: int) -> Tensor:
    """Spectra of the frames that lie within.  # [N, T] to [N, F, 2 T / length - 1]"""
    window = root_of_hann(length, sounds.dtype, sounds.device)
    return torch.fft.rfft(sounds.unfold(1, length, length // 2) * window).mT


def sounds_of(found: Tensor, length: int, samples: int) -> Tensor:
    """The sounds ``[N, samples]`` that spectra ``[N, length // 2 + 1, frames]`` are of: the inverse of :func:`spectra`.

    Where the spectra were changed, the sounds whose own spectra are nearest to them.

    References:
        Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.
    """
    return _added(found, length)[:, length // 2 : length // 2 + samples]


def _added(found: Tensor, length: int) -> Tensor:
    """The frames of spectra, added up half a frame apart.  # [N, F, frames] to [N, (frames + 1) length / 2]"""
    step, frames = length // 2, found.shape[2]
    window = root_of_hann(length, found.real.dtype, found.device)
    pieces = torch.fft.irfft(found.mT, length) * window
    return fold(pieces.mT, (1, (frames + 1) * step), (1, length), stride=(1, step))[:, 0, 0]


def streamed_spectra(pieces: Iterable[Tensor], length: int, work: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """``sounds_of(work(spectra(sounds)))`` of sounds that come in pieces, for each of them what is known by then.

    A sample is known when the frames around it are whole: after ``length`` further samples at most.

    Args:
        pieces: ``[N, t]`` each, of any lengths.
        length: Samples of a frame.
        work: Makes spectra ``[N, F, frames]`` of spectra, of frames after those that it was given before.
    """
    step = length // 2
    waiting: Tensor | None = None
    tail: Tensor | None = None  # of the last frame, to which the next is added
    for piece, beyond in _ended(pieces, step):
        waiting = torch.cat([piece.new_zeros(len(piece), step) if waiting is None else waiting, piece], 1)
        frames = waiting.shape[1] // step - 1
        if frames < 1:
            yield waiting[:, :0]
            continue
        made = _added(work(_analysed(waiting[:, : (frames + 1) * step], length)), length)
        if tail is not None:
            made[:, :step] += tail
        yield made[:, 0 if tail is not None else step : made.shape[1] - step - beyond]
        waiting, tail = waiting[:, frames * step :], made[:, -step:]


def _ended(pieces: Iterable[Tensor], step: int) -> Iterator[tuple[Tensor, int]]:
    """Pieces, and silence that ends the last frame, with the number of its samples beyond the last half frame."""
    count, last = 0, None
    for last in pieces:
        count += last.shape[1]
        yield last, 0
    if last is not None:
        beyond = -count % step
        yield last.new_zeros(len(last), step + beyond), beyond


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
