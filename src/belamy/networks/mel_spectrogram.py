"""The spectrogram that makers of sound are told: logarithms of mel bands, a frame for every so many samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.modalities.mel import filters
from belamy.modalities.short_time import centred_spectra, with_phases_found
from belamy.networks.sizes import check_positive

LEAST = 1e-5
"""Magnitudes below count as silence."""


class MelSpectrogram(nn.Module):
    r"""The logarithms of mel bands of magnitudes of a Hann window; nothing of it learns.

    .. math:: m_{bt} = \ln \max\Bigl(10^{-5}, \sum_f M_{bf}\,|X_{ft}|\Bigr)

    where a sine of amplitude 1 has \|X\| = 1, and the t-th frame is in the middle over samples t h to (t + 1) h.

    *Departs from the paper* in its mel scale, the one that the whole house uses, and in its bands up to half the rate.

    References:
        Kong, Kim & Bae 2020, "HiFi-GAN", arXiv 2010.05646, section 3 (80 bands, 1,024 samples, steps of 256 at 22,050
        Hz); without learning: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform".

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

    bank: Tensor
    inverse: Tensor

    def __init__(self, rate: float, samples: int, *, bands: int = 80, frame: int = 1024, hop: int = 256) -> None:
        super().__init__()
        for name, value in {"bands": bands, "frame": frame, "hop": hop}.items():
            check_positive(value, f"spectrogram:{name}")
        if hop % 2 or frame % 2 or 2 * hop > frame:
            raise UsageError(
                f"The spectrogram has frames of {frame} samples, {hop} apart, but both must be even, and the second at "
                "most half the first. Type --frame 1024 --hop 256."
            )
        if samples % hop:
            near = max(1, round(samples / hop)) * hop
            raise UsageError(
                f"The sounds have {samples:,} samples, but a spectrogram with frames {hop} apart takes a multiple of "
                f"{hop}. Type --length {near}."
            )
        self.frame, self.hop, self.frames = frame, hop, samples // hop
        bank = filters(rate, frame, bands)
        self.register_buffer("bank", bank.float(), persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(bank).float(), persistent=False)

    def forward(self, sounds: Tensor) -> Tensor:
        """Spectrograms of sounds in [-1, 1], their channels mixed.  # [N, C, T] to [N, bands, T / hop]"""
        return (self.bank.to(sounds) @ self.magnitudes(sounds.mean(1))).clamp_min(LEAST).log()

    def magnitudes(self, sounds: Tensor) -> Tensor:
        """Of all frequencies; a sine of amplitude 1 has 1.  # [N, T] to [N, frame / 2 + 1, T / hop]"""
        return centred_spectra(sounds, self.frame, self.hop).abs() * (4 / self.frame)

    @torch.no_grad()
    def without_learning(self, spectrogram: Tensor, iterations: int) -> Tensor:
        """Sounds of spectrograms whose phases are searched for, from random ones.  # [N, bands, frames] to [N, 1, T]

        Args:
            spectrogram: What is known; the magnitudes are the nearest ones whose bands it is, none below 0.
            iterations: How often phases are those of a sound; 0 leaves them random.
        """
        magnitudes = (self.inverse.to(spectrogram) @ spectrogram.exp()).clamp_min(0) * (self.frame / 4)
        return with_phases_found(magnitudes, self.frame, self.hop, iterations)[:, None]
