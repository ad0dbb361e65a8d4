"""Vocos: sounds by an inverse Fourier transform of what a network at the rate of frames says of magnitude and phase."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from belamy.modalities.short_time import centred_sounds
from belamy.networks.sizes import check_positive

LOUDEST = 100.0
"""Largest magnitude that the network can say, of a sine of amplitude 1 half a window's sum."""


class Vocoder(nn.Module):
    r"""ConvNeXt blocks over the frames of a spectrogram, and a head that is an inverse short-time Fourier transform.

    .. math:: X = \min(e^m, 100)\,(\cos p + i \sin p)

    No layer is at the rate of samples, which is why it is light.

    References:
        Siuzdak 2023, "Vocos", arXiv 2306.00814, section 3.2; the blocks: Liu et al. 2022, "A ConvNet for the 2020s",
        arXiv 2201.03545, figure 4.

    Args:
        bands: Of the spectrogram.
        frame: Samples of a window.
        hop: From one frame to the next.
        width: Channels between blocks.
        hidden: Channels within a block.
        depth: Blocks.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> Vocoder(8, 64, 16, width=4, hidden=6, depth=1)(torch.zeros(2, 8, 5)).shape
        torch.Size([2, 1, 80])
    """

    modality = "audio"

    def __init__(
        self, bands: int, frame: int, hop: int, *, width: int = 512, hidden: int = 1536, depth: int = 8
    ) -> None:
        super().__init__()
        for name, value in {"width": width, "hidden": hidden, "depth": depth}.items():
            check_positive(value, f"vocos:{name}")
        self.frame, self.hop = frame, hop
        self.enter = nn.Conv1d(bands, width, 7, padding=3)
        self.first = nn.LayerNorm(width)
        self.blocks: Any = nn.ModuleList(FrameBlock(width, hidden, 1 / depth) for _ in range(depth))
        self.last = nn.LayerNorm(width)
        self.head = nn.Linear(width, frame + 2)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Sounds, which may leave [-1, 1].  # [N, bands, frames] to [N, 1, frames hop]"""
        maps = self.first(self.enter(spectrogram).mT)
        for block in self.blocks:
            maps = block(maps)
        magnitude, phase = self.head(self.last(maps)).mT.chunk(2, 1)
        spectra = torch.polar(magnitude.exp().clamp(max=LOUDEST), phase)
        return centred_sounds(spectra, self.frame, self.hop)[:, None]


class FrameBlock(nn.Module):
    """A convolution of each channel over seven frames and two dense layers, times a learned factor, and added.

    Args:
        width: Channels.
        hidden: Channels between the dense layers.
        scale: The factor at first.
    """

    def __init__(self, width: int, hidden: int, scale: float) -> None:
        super().__init__()
        self.across = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, maps: Tensor) -> Tensor:
        """The sum.  # [N, frames, width]"""
        sum_: Tensor = maps + self.scale * self.dense(self.norm(self.across(maps.mT).mT))
        return sum_
