"""The spectrogram that makers of sound are told: logarithms of mel bands, a frame for every so many samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from belamy.errors import UsageError
from belamy.modalities.mel import filters
from belamy.networks.sizes import check_positive

LEAST = 1e-5
"""Magnitudes below count as silence."""
MOMENTUM = 0.99
"""Of the way in which magnitudes are improved without learning."""


class MelSpectrogram(nn.Module):
    r"""The logarithms of mel bands of magnitudes of a Hann window; nothing of it learns.

    .. math:: m_{bt} = \ln \max\Bigl(10^{-5}, \sum_f M_{bf}\,|X_{ft}|\Bigr)

    where a sine of amplitude 1 has \|X\| = 1, and the t-th frame is in the middle over samples t h to (t + 1) h.

    *Departs from the paper* in its mel scale, the one that the whole house uses, and in its bands up to half the rate.

    References:
        Kong, Kim & Bae 2020, "HiFi-GAN", arXiv 2010.05646, section 3 (80 bands, 1,024 samples, steps of 256 at 22,050
        Hz); without learning: Griffin & Lim 1984, IEEE TASSP 32(2), and Perraudin, Balazs & Søndergaard 2013, "A fast
        Griffin-Lim algorithm".

    Args:
        rate: Samples in a second.
        samples: Of a sound.
        bands: How many.
        frame: Samples of a window, an even number.
        hop: From one frame to the next; it divides the samples, and is even.

    Raises:
        UsageError: The numbers do not fit.

    Example:
        >>> MelSpectrogram(16000.0, 2048, bands=8, frame=512, hop=128)(torch.zeros(2, 1, 2048)).shape
        torch.Size([2, 8, 16])
    """

    window: Tensor
    bank: Tensor
    inverse: Tensor

    def __init__(self, rate: float, samples: int, *, bands: int = 80, frame: int = 1024, hop: int = 256) -> None:
        super().__init__()
        for name, value in {"bands": bands, "frame": frame, "hop": hop}.items():
            check_positive(value, f"spectrogram:{name}")
        if hop % 2 or frame % 2 or not hop <= frame:
            raise UsageError(
                f"The spectrogram has frames of {frame} samples, {hop} apart, but both must be even, and the second at "
                "most the first. Type --frame 1024 --hop 256."
            )
        if samples % hop:
            near = max(1, round(samples / hop)) * hop
            raise UsageError(
                f"The sounds have {samples:,} samples, but a spectrogram with frames {hop} apart takes a multiple of "
                f"{hop}. Type --length {near}."
            )
        self.frame, self.hop, self.frames = frame, hop, samples // hop
        window = torch.hann_window(frame, dtype=torch.float64)
        bank = filters(rate, frame, bands)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("bank", bank.float(), persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(bank).float(), persistent=False)

    def forward(self, sounds: Tensor) -> Tensor:
        """Spectrograms of sounds in [-1, 1], their channels mixed.  # [N, C, T] to [N, bands, T / hop]"""
        return (self.bank @ self.spectra(sounds.mean(1)).abs()).clamp_min(LEAST).log()

    def spectra(self, sounds: Tensor) -> Tensor:
        """Complex spectra; a sine of amplitude 1 has magnitude 1.  # [N, T] to [N, frame / 2 + 1, T / hop]"""
        whole = pad(sounds, ((self.frame - self.hop) // 2,) * 2)
        frames = whole.unfold(1, self.frame, self.hop) * self.window
        return torch.fft.rfft(frames).mT * (2 / self.window.sum())

    def sounds(self, spectra: Tensor) -> Tensor:
        """The sounds whose spectra are nearest to these.  # complex [N, frame / 2 + 1, frames] to [N, T]"""
        return overlapped(spectra * (self.window.sum() / 2), self.window, self.hop)

    @torch.no_grad()
    def magnitudes(self, spectrogram: Tensor) -> Tensor:
        """Magnitudes whose bands are nearest to these.  # [N, bands, frames] to [N, frame / 2 + 1, frames]"""
        return (self.inverse @ spectrogram.exp()).clamp_min(0)

    @torch.no_grad()
    def without_learning(self, spectrogram: Tensor, steps: int) -> Tensor:
        """Sounds of spectrograms whose phases are found step by step, from random ones.  # [N, b, frames] to [N, 1, T]

        Args:
            spectrogram: What is known.
            steps: How often spectra are made those of a sound; 0 leaves the phases random, the same for all sounds.
        """
        known = self.magnitudes(spectrogram)
        numbers = torch.Generator().manual_seed(0)
        turns = torch.rand(known.shape[1:], generator=numbers, dtype=torch.float64).to(known) * (2 * torch.pi)
        found, before = torch.polar(known, turns.expand_as(known)), torch.zeros_like(known)
        for _ in range(steps):
            again = self.spectra(self.sounds(found))
            ahead = again + MOMENTUM * (again - before)
            found, before = torch.polar(known, ahead.angle()), again
        return self.sounds(found)[:, None]


def overlapped(spectra: Tensor, window: Tensor, hop: int) -> Tensor:
    r"""The sounds whose windowed spectra are nearest to these, by weighted overlapping.

    .. math:: x_n = \frac{\sum_t w_{n - th}\,y_{t, n - th}}{\sum_t w_{n - th}^2}

    References:
        Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.

    Args:
        spectra: Of frames ``hop`` apart, the t-th in the middle over samples t hop to (t + 1) hop.  # [N, F, frames]
        window: Of a frame.  # [2 F - 2]
        hop: From one frame to the next.

    Returns:
        ``[N, frames hop]``.
    """
    length, frames = len(window), spectra.shape[2]
    pieces = torch.fft.irfft(spectra.mT, length) * window
    weights = window.square().expand(1, frames, length)
    size = (1, (frames - 1) * hop + length)
    whole, weight = (
        torch.nn.functional.fold(each.mT, size, (1, length), stride=(1, hop))[:, 0, 0] for each in (pieces, weights)
    )
    edge = (length - hop) // 2
    return (whole / weight.clamp_min(1e-8))[:, edge : edge + frames * hop]
