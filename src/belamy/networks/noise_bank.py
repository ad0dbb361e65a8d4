"""Noises that are remembered."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.modalities.audio import FULL


class NoiseBank(nn.Module):
    """Clips of noise, as files of 16 bits hold them, so that no average of weights changes them.

    Args:
        count: How many.
        shape: (channels, samples) of a clip.
    """

    clips: Tensor

    def __init__(self, count: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("clips", torch.zeros(count, *shape, dtype=torch.int16))

    def forward(self, numbers: Tensor) -> Tensor:
        """The clips of such numbers, in [-1, 1).  # long [n] to [n, C, T]"""
        return self.clips[numbers].to(torch.get_default_dtype()) / FULL
