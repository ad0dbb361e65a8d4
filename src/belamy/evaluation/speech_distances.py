"""Distances of short pieces of speech: of their envelopes, of the slopes of their spectra, and their errors."""

from __future__ import annotations

from functools import lru_cache
from math import floor, log

import torch
from torch import Tensor

WINDOW_SECONDS = 0.03
KEPT = 0.95
"""Share of a sound's pieces that are averaged: those of the smallest distance."""
CENTRES = (
    *(50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30),
    *(1288.72, 1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63),
)
"""Hertz of the critical bands."""
WIDTHS = (
    *(70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423),
    *(153.823, 168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136),
)
NEAR_GREATEST, NEAR_PEAK = 20.0, 1.0
"""Decibels that say how fast a band counts less, below the greatest and below its peak."""
SNR_LIMITS = (-10.0, 35.0)
_LEAST = 1e-10


def pieces(sounds: Tensor, rate: float) -> Tensor:
    """Pieces of 30 ms under a Hann window, a quarter of them apart.  # [N, samples] to [N, pieces, length]"""
    length = round(WINDOW_SECONDS * rate)
    taper = torch.hann_window(length + 2, periodic=False, dtype=sounds.dtype)[1:-1]
    return sounds.unfold(1, length, length // 4) * taper


def smallest(distances: Tensor) -> Tensor:
    """The mean of the smallest 95 % of each sound's pieces.  # [N, pieces] to [N]"""
    count = max(1, round(KEPT * distances.shape[1]))
    return distances.sort(1).values[:, :count].mean(1)


def log_likelihood_ratio(reference: Tensor, estimate: Tensor, rate: float) -> Tensor:
    r"""How much worse the estimate's linear prediction predicts the reference than the reference's own.

    .. math:: \log\frac{\hat a^\top R\,\hat a}{a^\top R\,a}

    with R the autocorrelations of a piece of the reference, a and â the predictors of both, of order 16, or 10 below
    10,000 samples a second.

    References:
        Quackenbush, Barnwell & Clements 1988, "Objective measures of speech quality", equation 2.18.

    Args:
        reference: ``[N, samples]`` float64.
        estimate: The same.
        rate: Samples in a second.

    Returns:
        ``[N, pieces]``.
    """
    order = 16 if rate >= 10_000 else 10
    table, own = _predictor(pieces(reference, rate), order)
    _, other = _predictor(pieces(estimate, rate), order)

    def power(predictor: Tensor) -> Tensor:
        return torch.einsum("npi,npij,npj->np", predictor, table, predictor).clamp_min(1e-30)

    return (power(other) / power(own)).log()


def _predictor(frames: Tensor, order: int) -> tuple[Tensor, Tensor]:
    """Autocorrelations as a table [N, pieces, order + 1, order + 1], and the predictor [N, pieces, order + 1]."""
    lags = torch.stack(
        [(frames[..., lag:] * frames[..., : frames.shape[-1] - lag]).sum(-1) for lag in range(order + 1)], -1
    )
    lags[..., 0] = lags[..., 0] * (1 + 1e-12) + 1e-20
    places = torch.arange(order + 1)
    table = lags[..., (places[:, None] - places).abs()]
    taps = torch.linalg.solve(table[..., 1:, 1:], -lags[..., 1:])
    return table, torch.cat([torch.ones_like(taps[..., :1]), taps], -1)


def weighted_slope(reference: Tensor, estimate: Tensor, rate: float) -> Tensor:
    r"""Squared differences of the slopes from band to band, weighed by how near a band is to a peak.

    .. math:: \frac{\sum_k W_k (S_k - \hat S_k)^2}{\sum_k W_k}, \qquad
        W_k = \frac{20}{20 + E_{max} - E_k}\cdot\frac{1}{1 + E_{peak(k)} - E_k}

    of 25 critical bands in decibels, W the mean of both sounds'.

    *Departs from the published code of composite ratings*, which takes the band before the peak where the slope rises.

    References:
        Klatt 1982, "Prediction of perceived phonetic distance from critical-band spectra", equations 1 to 4.

    Args:
        reference: ``[N, samples]`` float64.
        estimate: The same.
        rate: Samples in a second.

    Returns:
        ``[N, pieces]``.
    """
    levels = [_band_levels(pieces(each, rate), rate) for each in (reference, estimate)]
    slopes = [each.diff(dim=-1) for each in levels]
    weights = torch.stack([_weights(level, slope) for level, slope in zip(levels, slopes, strict=True)]).mean(0)
    return (weights * (slopes[0] - slopes[1]).square()).sum(-1) / weights.sum(-1)


def _band_levels(frames: Tensor, rate: float) -> Tensor:
    """Decibels of the critical bands.  # [N, pieces, 25]"""
    size = 1 << (2 * frames.shape[-1] - 1).bit_length()
    power = torch.fft.rfft(frames, size).abs().square()[..., : size // 2]
    return 10 * (power @ band_filters(rate, size).T).clamp_min(_LEAST).log10()


@lru_cache(maxsize=4)
def band_filters(rate: float, size: int) -> Tensor:
    """Gaussian filters of the critical bands over the lower half of a transform.  # [25, size // 2] float64"""
    bins = torch.arange(size // 2, dtype=torch.float64)
    rows = []
    for centre, width in zip(CENTRES, WIDTHS, strict=True):
        place, wide = centre / rate * size, width / rate * size
        row = (-11 * ((bins - floor(place)) / wide).square() + log(WIDTHS[0]) - log(width)).exp()
        rows.append(row.where(row > 10 ** (-30 / 20), 0))
    return torch.stack(rows)


def _weights(levels: Tensor, slopes: Tensor) -> Tensor:
    """Of each band but the last.  # [N, pieces, 25] and [N, pieces, 24] to [N, pieces, 24]"""
    bands = slopes.shape[-1]
    above, below = levels.clone(), levels.clone()  # the peak that lies upwards, and the one that lies downwards
    for band in reversed(range(bands)):
        above[..., band] = torch.where(slopes[..., band] > 0, above[..., band + 1], levels[..., band])
    for band in range(1, bands + 1):
        below[..., band] = torch.where(slopes[..., band - 1] > 0, levels[..., band], below[..., band - 1])
    peaks = torch.where(slopes > 0, above[..., :-1], below[..., :-1])
    inner = levels[..., :-1]
    greatest = levels.amax(-1, keepdim=True)
    return NEAR_GREATEST / (NEAR_GREATEST + greatest - inner) * NEAR_PEAK / (NEAR_PEAK + peaks - inner)


def piecewise_snr(reference: Tensor, estimate: Tensor, rate: float) -> Tensor:
    """Signal-to-noise ratio of each piece, within -10 … 35 dB.  # [N, pieces]"""
    signal, noise = (pieces(each, rate).square().sum(-1) for each in (reference, reference - estimate))
    return (10 * ((signal + 1e-20) / (noise + 1e-20)).log10()).clamp(*SNR_LIMITS)
