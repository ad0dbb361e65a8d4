"""Gaps: silent pieces at random places."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.sound_degradations import check_span
from belamy.seeds import Draws, SampleDraws


class SoundDegradation:
    """Silent pieces, each of a length and at a place of its own; they may overlap.

    Args:
        rate: Samples in a second.
        count: How many there are.
        low: Least length in milliseconds; drawn uniformly.
        high: Largest length.

    Raises:
        UsageError: No gaps, or lengths out of range or of order.
    """

    def __init__(self, rate: float, *, count: int = 1, low: float = 10.0, high: float = 50.0) -> None:
        check_span("gaps", low, high, 0, 10_000, "ms")
        if count < 1:
            raise UsageError(f"gaps.count is {count}, but it must be at least 1.")
        self.count, self.low, self.high, self.rate = count, low, high, rate

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds with gaps.  # [N, C, T]"""
        u = draws.uniform("gaps", len(sounds), self.count, 2).to(sounds)
        lengths = (self.low + (self.high - self.low) * u[..., 0]) * self.rate / 1000
        starts = u[..., 1] * (sounds.shape[-1] - lengths).clamp_min(0)
        time = torch.arange(sounds.shape[-1], device=sounds.device)
        inside = (time >= starts[..., None]) & (time < (starts + lengths)[..., None])  # [N, count, T]
        return sounds * ~inside.any(1, keepdim=True)
