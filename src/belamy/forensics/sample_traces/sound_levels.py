"""Levels of a sound: loudness over time, clipping, silence, offset."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from belamy.forensics.traces._reduce import moments
from belamy.modalities import modality
from belamy.modalities.audio import CLIPPED
from belamy.modalities.fields import Field

PARTS = 8
_QUIET = 1e-3
_FLOOR = 1e-9


class SampleTrace:
    """Moments of the samples, peak, shares that are clipped, quiet and exactly 0, crossings of 0, and 8 loudnesses.

    A generator rarely falls quite silent, and seldom reaches the ends of the range where recordings are clipped.

    Args:
        field: Of the sounds.
    """

    modalities = ("audio",)
    title = "Levels, clipping and silence"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        waves = modality("audio").to_float(raw, self.field).double().mean(1)
        size = waves.abs()
        crossings = (waves[:, 1:] * waves[:, :-1] < 0).double().mean(1) if waves.shape[1] > 1 else size[:, 0] * 0
        loudness = adaptive_avg_pool1d(waves.square()[:, None], min(PARTS, waves.shape[1]))[:, 0]
        shares = [(size >= CLIPPED), (size < _QUIET), (waves == 0)]
        numbers = [size.amax(1), crossings, *(share.double().mean(1) for share in shares)]
        return torch.cat([torch.stack(numbers, 1), moments(waves), (loudness + _FLOOR).log()], 1)
