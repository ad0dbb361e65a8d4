"""The speaker encoder of generalised end-to-end loss: 256 numbers that tell a voice, whatever it says."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from belamy.networks.embedded import embedded_weights

RATE, BANDS, WIDTH = 16_000, 40, 256
WINDOW, HOP = 400, 160
"""Samples of a piece, 25 ms, and from one to the next, 10 ms."""
FRAMES, STEP, COVERED = 160, 77, 0.75
"""Pieces that are read at once, 1.6 s; from one reading to the next; share that the last must hold."""
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square to which quieter sounds are raised."""
WEIGHTS = "ge2e-speaker-encoder.safetensors"
SHA256 = "75ea12a158fc5f097b8e0871365f57fd1f8e6ba60c15d739e3954b29c1cdf778"


class SpeakerEncoder(nn.Module):
    """Three layers of LSTM on mel energies; of the last state a linear layer, a rectifier, length 1.

    *Departs from the published program*: silence within a sound is not cut out, since a sample is judged as it is.

    References:
        Wan et al. 2018, arXiv 1710.10467; the weights and the preparation: Resemblyzer (Apache-2.0).

    Example:
        >>> SpeakerEncoder()(torch.zeros(2, FRAMES, BANDS)).shape
        torch.Size([2, 256])
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, WIDTH, 3, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    @classmethod
    def pretrained(cls) -> Self:
        """The weights that the package carries, frozen, in evaluation mode.

        Raises:
            DataError: The installation lacks the weights or holds others.
        """
        network = cls()
        network.load_state_dict(embedded_weights(WEIGHTS, SHA256))
        return network.eval().requires_grad_(False)

    def forward(self, energies: Tensor) -> Tensor:
        """Voices of mel energies.  # [n, frames, 40] to [n, 256], each of length 1"""
        _, (hidden, _) = self.lstm(energies)
        return normalize(self.linear(hidden[-1]).relu(), dim=1)

    def voices(self, waves: Tensor) -> Tensor:
        """Of each sound the mean over readings of 1.6 s, of length 1.  # [n, samples] at 16 kHz to [n, 256]"""
        starts = readings(waves.shape[1])
        level = waves.square().mean(1, keepdim=True).sqrt()
        waves = waves * torch.where(level > 0, LOUDNESS / level.clamp_min(1e-12), 1.0).clamp_min(1.0)
        short = (starts[-1] + FRAMES) * HOP - waves.shape[1]
        energies = mel_energies(pad(waves, (0, max(short, 0)))).transpose(1, 2)  # [n, frames, 40]
        parts = torch.stack([energies[:, start : start + FRAMES] for start in starts], 1)  # [n, k, 160, 40]
        return normalize(self(parts.flatten(0, 1)).unflatten(0, parts.shape[:2]).mean(1), dim=1)


def readings(samples: int) -> list[int]:
    """Where readings begin, in pieces; of a last one that holds too little there is none, but for the first.

    Example:
        >>> readings(16_000), readings(48_000)
        ([0], [0, 77, 154])
    """
    frames = math.ceil((samples + 1) / HOP)
    starts = list(range(0, max(1, frames - FRAMES + STEP + 1), STEP))
    share = (samples - starts[-1] * HOP) / (FRAMES * HOP)
    return starts[:-1] if len(starts) > 1 and share < COVERED else starts


def mel_energies(waves: Tensor) -> Tensor:
    """Power in mel bands of equal area, by a Hann window.  # [n, samples] to [n, 40, frames]"""
    window = torch.hann_window(WINDOW, dtype=waves.dtype, device=waves.device)
    spectra = torch.stft(waves, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    return slaney_filters().to(waves) @ spectra.abs().square()


@lru_cache(maxsize=1)
def slaney_filters() -> Tensor:
    """Triangles from 0 to 8 kHz, even to 1 kHz and logarithmic above, each of area 1.  # [40, 201] float64

    References:
        Slaney 1998, "Auditory Toolbox", version 2.
    """
    bend, top = 1000.0 * 3 / 200, 1000.0 * 3 / 200 + 27 * math.log(RATE / 2 / 1000) / math.log(6.4)
    marks = torch.linspace(0, top, BANDS + 2, dtype=torch.float64)
    edges = torch.where(marks < bend, marks * 200 / 3, 1000 * ((marks - bend) * math.log(6.4) / 27).exp())
    bins = torch.linspace(0, RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0) * (2 / (edges[2:] - edges[:-2]))[:, None]
