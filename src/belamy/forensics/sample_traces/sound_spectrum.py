"""The spectrum of a sound: its course over frequency, and what stands out at the rates of enlarging layers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from belamy.modalities import modality
from belamy.modalities.fields import Field

BANDS, STRIDES = 32, (2, 4, 16)
"""Bands of equal width; samples from which a generator's layers make one."""
_FLOOR = 1e-12
_NEAR = 8
"""Frequencies on each side of a stride's that are its surroundings; the two beside it belong to it."""


class SampleTrace:
    r"""Logarithm of the share of power in 32 even bands, of all power, and of the comb at each stride s.

    .. math:: \log \overline{P_{\text{at}\ k/s}} - \log \overline{P_{\text{around}}}

    A layer that enlarges by s leaves tones at the multiples of 1/s cycles per sample; 0 is no comb.

    References:
        Donahue, McAuley & Puckette 2019, arXiv 1802.04208, section 3.3 and figure 4 (the comb of transposed
        convolutions in sound).

    Args:
        field: Of the sounds.
    """

    modalities = ("audio",)
    title = "Spectrum and comb"

    def __init__(self, field: Field) -> None:
        self.field = field

    def describe(self, raw: Tensor) -> Tensor:
        waves = modality("audio").to_float(raw, self.field).double().mean(1)
        waves = waves - waves.mean(1, keepdim=True)
        window = torch.hann_window(waves.shape[1], dtype=torch.float64)
        power = torch.fft.rfft(waves * window).abs().square() / waves.shape[1]  # [n, S / 2 + 1]
        total = power.sum(1)
        edges = torch.linspace(0, power.shape[1], BANDS + 1).round().long().tolist()
        bands = [power[:, low : max(high, low + 1)].sum(1) for low, high in pairwise(edges)]
        shares = torch.stack(bands, 1) / (total[:, None] + _FLOOR)
        marks = [comb(power, waves.shape[1], stride) for stride in STRIDES if waves.shape[1] >= 4 * _NEAR * stride]
        return torch.cat(
            [(shares + 1e-9).log(), (total[:, None] + _FLOOR).log(), *(mark[:, None] for mark in marks)], 1
        )


def comb(power: Tensor, samples: int, stride: int) -> Tensor:
    """How far the power at the multiples of a stride's frequency stands out, as a logarithm.  # [n, bins] to [n]"""
    at, near = torch.zeros(power.shape[1], dtype=torch.bool), torch.zeros(power.shape[1], dtype=torch.bool)
    for multiple in range(1, stride // 2 + 1):
        centre = round(multiple * samples / stride)
        at[max(centre - 1, 1) : centre + 2] = True
        near[max(centre - _NEAR, 1) : centre + _NEAR + 1] = True
    around = power[:, near & ~at].mean(1)
    return (power[:, at].mean(1) + _FLOOR).log() - (around + _FLOOR).log()
