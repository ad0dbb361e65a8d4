"""Sound: [channels, samples] of 16 bits in files, [-1, 1] for networks."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import BACKGROUND, best_columns, grid
from belamy.modalities.mel import FLOOR, decibels, log_mel, magnitudes, sizes
from belamy.modalities.waves import encode_wav, read_samples

FULL = 32768.0
CLIPPED = 0.9999
"""A sample of this size and more is at the end of the range."""
SILENT = 10 ** (-60 / 20)
"""A clip whose loudest sample is smaller is silent."""
WIDEST, NARROWEST, WAVE, SPECTRUM = 240, 16, 44, 72
_LARGEST = 4000
_INK = np.array([111, 190, 220], np.uint8)
_SHADES = np.array([[0, 0, 4], [61, 15, 114], [150, 44, 128], [229, 92, 80], [252, 185, 115], [252, 253, 191]], float)


class Modality:
    """Sound, one channel or two; 32 bits mean floats.

    Args:
        channels: 1 mixes the channels of a file, 2 keeps left and right.
        cut: What becomes of a sound longer than a clip: its ``first`` samples, or ``pieces`` one after the other.
        trim: Leave out silence at both ends, 40 dB below the sound's peak.
        normalise: Bring the peak of each sound to the full range.
        noise: A folder of noises; each clip is mixed with one of them into the field ``noisy``.
        snr: Signal-to-noise ratios of the mixtures in dB, ``0x5x10`` for several.
        mix: Seed of the mixtures: which noise, where it begins and which ratio are functions of it and of the clip.

    Raises:
        UsageError: An option out of range.
    """

    suffix = ".wav"
    words = ("sound", "sounds")

    def __init__(
        self,
        *,
        channels: int = 1,
        cut: Literal["first", "pieces"] = "first",
        trim: bool = False,
        normalise: bool = False,
        noise: str = "",
        snr: tuple[float, ...] = (10.0,),
        mix: int = 0,
    ) -> None:
        if channels not in (1, 2):
            raise UsageError(f"audio.channels is {channels}, but it must be 1 (mono) or 2 (stereo).")
        if not snr or not all(math.isfinite(ratio) and -60 <= ratio <= 100 for ratio in snr):
            raise UsageError(f"audio.snr is {'x'.join(map(str, snr))}, but ratios must be in -60..100 dB.")
        self.channels, self.cut, self.trim, self.normalise = channels, cut, trim, normalise
        self.noise, self.snr, self.mix = noise, snr, mix

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Whole numbers of 16 bits as float32 in [-1, 1): x / 32768; floats as they are."""
        return raw.to(torch.float32) if raw.is_floating_point() else raw.to(torch.float32).mul_(1 / FULL)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Floats in [-1, 1] as numbers of 16 bits, clipped and rounded; a field of 32 bits keeps floats."""
        values = values.detach().to(torch.float32)
        if field.bits == 32:
            return values.clamp(-1, 1)
        return (values * FULL).round_().clamp_(-FULL, FULL - 1).to(torch.int16)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Of each sample the waveform above its spectrogram: low notes below, 0 to -80 dB of its own peak."""
        columns = columns or best_columns(len(raw), WIDEST / (WAVE + SPECTRUM))
        rows = math.ceil(len(raw) / columns)
        width = max(NARROWEST, min(WIDEST, _LARGEST // columns - 2))
        share = min(1.0, _LARGEST / (rows * (WAVE + SPECTRUM + 2)))
        heights = max(4, int(WAVE * share)), max(4, int(SPECTRUM * share))
        waves = self.to_float(raw, field).mean(1)
        cells = np.stack([_cell(one, width, heights) for one in waves])
        return grid(cells.transpose(0, 3, 1, 2), columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """A WAV file of each sample, with its length and level."""
        found = []
        for one in raw:
            facts = self.describe(one[None], field)
            caption = f"{facts['seconds']:.2f} s, peak {facts['peak_db']:.1f} dB"
            found.append(Media("audio/wav", self.encode(one, field), caption))
        return tuple(found)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A WAV file of 16 bits."""
        whole = raw if raw.dtype == torch.int16 else self.to_raw(raw, field._replace(bits=16))
        return encode_wav(whole.numpy(), round(field.hertz))

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The samples of a sound file of the field's rate, channels and length."""
        values, rate = read_samples(io.BytesIO(data))
        if field.rate is not None and rate != round(field.rate):
            raise Unreadable(f"{rate:,} Hz, not {field.rate:,.0f} Hz")
        if values.shape != tuple(field.shape):
            channels, samples = field.shape
            raise Unreadable(f"{len(values)} channel(s) of {values.shape[1]:,} samples, not {channels} of {samples:,}")
        return self.to_raw(torch.from_numpy(values), field)

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Rate, seconds of a clip, peak and level in dB, and how many are silent, clipped, off centre or alike."""
        values = self.to_float(raw, field).to(torch.float64).flatten(1)
        peaks, offsets = values.abs().amax(1), values.mean(1)
        levels = values.square().mean(1).sqrt()
        return {
            "rate": field.rate,
            "seconds": field.shape[-1] / field.rate if field.rate else None,
            "channels": field.shape[0],
            "peak_db": _finite(decibels(float(peaks.max()))),
            "rms_db": _finite(decibels(float(values.square().mean().sqrt()))),
            "silent": int((peaks < SILENT).sum()),
            "clipped": int(((values.abs() >= CLIPPED).double().mean(1) > 0.001).sum()),
            "share_clipped": float((values.abs() >= CLIPPED).double().mean()),
            "offset": float(offsets.mean()),
            "off_centre": int((offsets.abs() > torch.clamp(0.1 * levels, min=0.01)).sum()),
        }

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Root mean square of the differences of the mel spectra, in dB."""
        return torch.cdist(self._spectra(a, field), self._spectra(b, field))

    def _spectra(self, raw: Tensor, field: Field) -> Tensor:
        bands = log_mel(self.to_float(raw, field).mean(1), field.hertz).flatten(1)
        return bands / math.sqrt(bands.shape[1])


def _finite(level: float) -> float:
    return max(level, 2 * FLOOR)


def _cell(wave: Tensor, width: int, heights: tuple[int, int]) -> np.ndarray:
    """Waveform and spectrogram of one sample.  # uint8 [H, W, 3]"""
    above, below = heights
    picture = np.full((above + below, width, 3), BACKGROUND, np.uint8)
    values = wave.clamp(-1, 1).numpy()
    firsts = np.minimum(np.linspace(0, len(values), width + 1)[:-1].astype(int), len(values) - 1)
    limits = np.stack([np.maximum.reduceat(values, firsts), np.minimum.reduceat(values, firsts)])  # of each column
    top, bottom = ((1 - limits) / 2 * (above - 1)).round().astype(int)
    rows = np.arange(above)[:, None]
    picture[:above][(top <= rows) & (rows <= bottom)] = _INK
    picture[above:] = _colours(_spectrogram(wave, width, below))
    return picture


def _spectrogram(wave: Tensor, width: int, height: int) -> np.ndarray:
    """Shares of the way from -80 dB of the peak to the peak, high notes first.  # [height, width] in [0, 1]"""
    window, transform, _ = sizes(16000, len(wave))
    found = magnitudes(wave[None], window, transform, max(1, len(wave) // width))
    tall = torch.nn.functional.interpolate(found[None], (height, width), mode="area")[0, 0].flip(0)
    level = 20 * (tall / tall.max().clamp_min(1e-4)).clamp_min(1e-10).log10()
    return (level / -FLOOR + 1).clamp(0, 1).numpy()


def _colours(shares: np.ndarray) -> np.ndarray:
    """Dark to light through purple and orange.  # uint8 [..., 3]"""
    places = np.linspace(0, 1, len(_SHADES))
    return np.stack([np.interp(shares, places, _SHADES[:, channel]) for channel in range(3)], -1).astype(np.uint8)
