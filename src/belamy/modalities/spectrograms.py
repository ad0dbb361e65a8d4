"""Spectrograms: what a sound is made of over time, to look at and to compare by."""

from __future__ import annotations

from functools import cache
from math import log10

import torch
from torch import Tensor

WINDOW, HOP, BANDS = 512, 128, 64
"""Samples of a window and between two, and mel bands."""
SILENCE = 1e-5
"""Magnitude that stands for silence; -100 dB."""


def magnitudes(sound: Tensor, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Magnitudes of the short-time Fourier transform with a Hann window, scaled so that a full sine gives 1.

    Args:
        sound: In [-1, 1].  # [..., samples]
        window: Samples; at most as many as there are.
        hop: Samples between two windows.

    Returns:
        ``[..., window / 2 + 1, frames]``.
    """
    window = min(window, sound.shape[-1])
    weights = torch.hann_window(window, dtype=sound.dtype, device=sound.device)
    flat = sound.reshape(-1, sound.shape[-1])
    found = torch.stft(flat, window, hop, window=weights, center=True, pad_mode="constant", return_complex=True).abs()
    return (found * (2 / weights.sum())).reshape(*sound.shape[:-1], *found.shape[-2:])


def decibels(values: Tensor) -> Tensor:
    """20 log10 of magnitudes, silence at -100 dB."""
    return 20 * values.clamp_min(SILENCE).log10()


@cache
def mel_bands(bins: int, rate: float, bands: int = BANDS) -> Tensor:
    r"""Triangular bands of equal width on the mel scale :math:`2595 \\log_{10}(1 + f/700)`, from 0 to half the rate.

    References:
        O'Shaughnessy 1987, "Speech Communication", p. 150; Davis & Mermelstein 1980.

    Returns:
        ``[bands, bins]``; each row sums to 1, but for bands narrower than a bin.
    """
    top = 2595 * log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    frequencies = torch.linspace(0, rate / 2, bins, dtype=torch.float64)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    weights = torch.minimum(rising, falling).clamp_min(0)
    return (weights / weights.sum(1, keepdim=True).clamp_min(1e-9)).to(torch.float32)


def log_mel(sound: Tensor, rate: float, bands: int = BANDS) -> Tensor:
    """Decibels in mel bands over time, channels averaged.  # [n, channels, samples] to [n, bands, frames]"""
    found = magnitudes(sound.to(torch.float32)).mean(1)
    return decibels(mel_bands(found.shape[1], rate, bands).to(found.device) @ found)
