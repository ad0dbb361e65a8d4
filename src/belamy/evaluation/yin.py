"""The pitch of sounds, found by how little they differ from themselves a period later."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from belamy.errors import UsageError

THRESHOLD = 0.1
"""Of the normalised difference, below which a lag is taken for the period."""
VOICED = 0.25
"""A piece whose best lag differs by more has no pitch."""
LOWEST, HIGHEST = 27.5, 4200.0
"""Hertz: the keys of a piano."""
SLOWEST_RATE = 8000
FINER = 4
TOGETHER = 16
"""Sounds that are looked at together."""


def pitches(sounds: Tensor, rate: float, *, lowest: float = LOWEST, highest: float = HIGHEST) -> Tensor:
    r"""The pitch of each sound in hertz: the median over its pieces that have one, NaN where none has.

    Of a piece of W samples, with the differences

    .. math:: d(\tau) = \sum_{j=1}^{W} (x_j - x_{j+\tau})^2, \qquad
        d'(\tau) = d(\tau) \Big/ \tfrac1\tau \sum_{j=1}^{\tau} d(j)

    the period is the first lag at which d' falls below 0.1 and rises again, or else the lowest one, with a parabola
    through its neighbours. Pieces 40 dB below the loudest are left out.

    *Departs from the paper*: lags are quarters of a sample, and the best local estimate (its step 6) is a median over
    the whole sound, for a note.

    References:
        de Cheveigné & Kawahara 2002, "YIN, a fundamental frequency estimator for speech and music", steps 2 to 5.

    Args:
        sounds: ``[N, samples]``.
        rate: Samples in a second.
        lowest: Hertz of the lowest pitch that is looked for.
        highest: Hertz of the highest.

    Raises:
        UsageError: Fewer than 8,000 samples a second, or sounds shorter than three periods of the lowest pitch.
    """
    if rate < SLOWEST_RATE:
        raise UsageError(f"Pitches are found at {SLOWEST_RATE:,} samples a second or more, but these are {rate:,.0f}.")
    fine = FINER * rate
    longest = min(int(fine / lowest) + 2, FINER * sounds.shape[1] // 3)
    shortest = int(fine / min(highest, rate / 4))
    if longest <= shortest + 2:
        raise UsageError(f"Sounds of {sounds.shape[1]:,} samples are too short for a pitch. Take longer clips.")
    return torch.cat([_pitches(finer(some), fine, longest, shortest) for some in sounds.double().split(TOGETHER)])


def _pitches(sounds: Tensor, rate: float, longest: int, shortest: int) -> Tensor:
    """The pitch of each sound in hertz, with a lag between two.  # [N, samples] to [N]"""
    pieces = sounds.unfold(1, 2 * longest, max(longest // 2, 1))
    lags, depths = periods(normalised(differences(pieces, longest, longest)), shortest)
    powers = pieces.square().mean(2)
    heard = (depths < VOICED) & (powers > 1e-4 * powers.amax(1, keepdim=True)) & (powers > 0)
    return torch.where(heard, rate / lags, torch.nan).nanmedian(1).values


def finer(sounds: Tensor) -> Tensor:
    """The same sounds at four times the rate, so that a short period has many lags.  # [N, 4 samples]"""
    samples = FINER * sounds.shape[1]
    return FINER * torch.fft.irfft(torch.fft.rfft(sounds), samples)


def differences(pieces: Tensor, window: int, longest: int) -> Tensor:
    """d of each lag from 0 on.  # [..., window + longest] to [..., longest]"""
    size = 1 << (window + longest - 1).bit_length()
    first = torch.fft.rfft(pieces[..., :window], size)
    crossed = torch.fft.irfft(first.conj() * torch.fft.rfft(pieces, size), size)[..., :longest]
    energies = pad(pieces.square().cumsum(-1), (1, 0))
    later = energies[..., window : window + longest] - energies[..., :longest]
    return (later[..., :1] + later - 2 * crossed).clamp_min(0)


def normalised(found: Tensor) -> Tensor:
    """d' of each lag from 0 on; it begins with 1.  # [..., lags]"""
    lags = torch.arange(1, found.shape[-1], dtype=found.dtype)
    means = found[..., 1:].cumsum(-1) / lags
    return pad(found[..., 1:] / means.clamp_min(1e-12), (1, 0), value=1.0)


def periods(ratio: Tensor, shortest: int) -> tuple[Tensor, Tensor]:
    """The lag of each piece with its fraction, and d' there.  # [N, pieces, lags] to [N, pieces] each

    Args:
        ratio: d' of each lag.
        shortest: Lag from which on one is looked for.
    """
    inner = ratio[..., shortest : ratio.shape[-1] - 1]
    before, after = ratio[..., shortest - 1 : ratio.shape[-1] - 2], ratio[..., shortest + 1 :]
    valley = (inner <= before) & (inner < after)
    low = valley & (inner < THRESHOLD)
    place = torch.where(low.any(-1), low.double().argmax(-1), inner.masked_fill(~valley, torch.inf).argmin(-1))
    left, here, right = (each.gather(-1, place[..., None])[..., 0] for each in (before, inner, after))
    bend = left - 2 * here + right
    shift = torch.where(bend > 0, (left - right) / (2 * bend.clamp_min(1e-12)), 0.0).clamp(-1, 1)
    return place + shortest + shift, here
