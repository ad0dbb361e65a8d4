"""How a series goes on: correlations with itself, steps, turns."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.modalities import modality
from belamy.modalities.fields import Field

LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_STILL = 1e-12


class SampleTrace:
    """Of each channel its autocorrelation at up to ten lags, mean step and bend, and the share of steps that turn.

    A channel that does not vary has correlations of 0.

    Args:
        field: Of the series.
    """

    modalities = ("series",)
    title = "Autocorrelation and steps"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        channels = modality("series").to_float(raw, self.field).double().transpose(1, 2)  # [n, C, T]
        centred = channels - channels.mean(2, keepdim=True)
        power = centred.square().mean(2)
        steps, found = channels.shape[2], []
        for lag in (lag for lag in LAGS if 2 * lag < steps):
            product = (centred[..., lag:] * centred[..., :-lag]).mean(2)
            found.append(torch.where(power > _STILL, product / power.clamp_min(_STILL), 0.0))
        for order in (1, 2):
            if steps > order:
                found.append(channels.diff(n=order, dim=2).abs().mean(2))
        moves = channels.diff(dim=2)
        if steps > 2:
            found.append((moves[..., 1:] * moves[..., :-1] < 0).double().mean(2))
        return torch.cat(found, 1) if found else channels.flatten(1)
