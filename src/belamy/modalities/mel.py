"""Spectra of sound: magnitudes of short pieces, and their energies in bands as wide as the ear's."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

WINDOW, HOP = 0.032, 0.008
"""Seconds of a piece, and from one to the next."""
BANDS = 40
FLOOR = -80.0
"""Decibels below full scale that count as silence."""


def mel_of(frequency: float) -> float:
    r"""Hertz as mel: :math:`2595 \log_{10}(1 + f/700)`.

    References:
        O'Shaughnessy 1987, *Speech Communication*, p. 150; the constants are those of the HTK book.

    Example:
        >>> round(mel_of(1000.0))
        1000
    """
    return 2595.0 * math.log10(1.0 + frequency / 700.0)


def hertz_of(mel: float) -> float:
    """Mel as hertz, the inverse of :func:`mel_of`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def sizes(rate: float, samples: int) -> tuple[int, int, int]:
    """Samples of a window, of the transform (zeros fill it) and from one piece to the next.

    Example:
        >>> sizes(16000, 16384)
        (512, 1024, 128)
    """
    window = max(4, min(round(WINDOW * rate), samples))
    return window, 2 * 2 ** math.ceil(math.log2(window)), max(1, min(round(HOP * rate), window // 4))


@lru_cache(maxsize=16)
def filters(rate: float, transform: int, bands: int = BANDS) -> Tensor:
    """Triangles on the mel scale from 0 Hz to half the rate, each of height 1.  # [bands, transform // 2 + 1]

    References:
        Davis & Mermelstein 1980, IEEE TASSP 28(4), figure 1.
    """
    top = mel_of(rate / 2)
    edges = torch.tensor([hertz_of(top * step / (bands + 1)) for step in range(bands + 2)], dtype=torch.float64)
    bins = torch.arange(transform // 2 + 1, dtype=torch.float64) * (rate / transform)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0)


def magnitudes(waves: Tensor, window: int, transform: int, hop: int) -> Tensor:
    """Magnitudes of a Hann window's spectra; a sine of amplitude 1 has 1.  # [n, transform // 2 + 1, frames]

    Args:
        waves: ``[n, samples]``.
        window: Samples of a piece.
        transform: Samples of the Fourier transform.
        hop: Samples from one piece to the next.
    """
    shape = torch.hann_window(window, dtype=waves.dtype)
    spectra = torch.stft(waves, transform, hop, window, shape, pad_mode="constant", return_complex=True)
    return spectra.abs() * (2 / shape.sum())


def log_mel(waves: Tensor, rate: float, bands: int = BANDS) -> Tensor:
    """Energies of mel bands in decibels below full scale, at least -80.  # [n, bands, frames]

    Args:
        waves: ``[n, samples]`` in [-1, 1].
        rate: Samples per second.
        bands: How many.
    """
    window, transform, hop = sizes(rate, waves.shape[1])
    power = magnitudes(waves, window, transform, hop).square()
    energy = filters(rate, transform, bands).to(power.dtype) @ power
    return (10 * energy.clamp_min(1e-20).log10()).clamp_min(FLOOR)


def decibels(amplitude: float) -> float:
    """An amplitude as decibels below full scale; silence is -infinity.

    Example:
        >>> round(decibels(0.5), 2)
        -6.02
    """
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
