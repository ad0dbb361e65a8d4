"""Coding by G.722, as wide-band telephones do."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from belamy.errors import MissingExtra, UsageError
from belamy.seeds import Draws, SampleDraws

RATE, DELAY, FULL = 16_000, 22, 32_767
"""Samples in a second; by how many the code is late, which is taken back; the largest value of 16 bits."""
KILOBITS = (64, 56, 48)


class SoundDegradation:
    """Two bands below and above 4,000 Hz, each coded by the differences of its samples from what was foretold.

    References:
        ITU-T G.722, by the package ``G722``.

    Args:
        rate: Samples in a second, 16,000.
        kilobits: In a second: 64, 56 or 48.

    Raises:
        UsageError: Another rate, or other bits.
        MissingExtra: The package ``G722`` is not installed.
    """

    def __init__(self, rate: float, *, kilobits: int = 64) -> None:
        try:
            from G722 import G722
        except ImportError:
            raise MissingExtra("G722", "codecs", "The degradation 'g722'") from None
        if rate != RATE:
            raise UsageError(
                f"g722 codes 16,000 samples a second, and these sounds have {rate:,.0f}. Type --rate 16000."
            )
        if kilobits not in KILOBITS:
            raise UsageError(f"g722.kilobits is {kilobits}, but it must be 64, 56 or 48.")
        self.coder, self.bits = G722, 1000 * kilobits

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds in [-1, 1] as they come out of the code, each channel by itself.  # [N, C, T]"""
        values = (sounds.detach().double().clamp(-1, 1) * FULL).round().to(torch.int16).cpu().numpy()
        coded = [self.coded(row) for row in values.reshape(-1, values.shape[-1])]
        return torch.from_numpy(np.stack(coded).reshape(values.shape)).to(sounds) / FULL

    def coded(self, values: np.ndarray) -> np.ndarray:
        """16-bit values through a coder and a decoder of their own.  # [T]"""
        silence = np.zeros(DELAY + (len(values) + DELAY) % 2, np.int16)  # two samples are a byte
        code = self.coder(RATE, self.bits).encode(np.concatenate([values, silence]))
        found = np.asarray(self.coder(RATE, self.bits).decode(code), np.int16)
        return found[DELAY : DELAY + len(values)]
