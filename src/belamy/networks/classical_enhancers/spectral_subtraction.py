"""Spectral subtraction: the power of the noise, taken off that of what is heard."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._gains import SpectrumEnhancer

QUIET, LOUD = -5.0, 20.0
"""Decibels between which the factor of the noise changes."""


class ClassicalEnhancer(SpectrumEnhancer):
    r"""Takes more than the noise off, and leaves a little of it to cover single tones.

    .. math:: |\hat s|^2 = \max\left(|y|^2 - \alpha\,\sigma^2,\; \beta\,\sigma^2\right)

    where α falls by 3 / 20 for each decibel of the frame's ratio of what is heard to noise, between -5 and 20 dB.
    The phase stays.

    References:
        Berouti, Schwartz & Makhoul 1979, "Enhancement of speech corrupted by acoustic noise", equations 3 to 5; the
        idea: Boll 1979.

    Args:
        rate: Samples in a second.
        over: The factor α at 0 dB, 3 to 6 in the paper.
        floor: The share β of the noise that stays, 0.005 to 0.1 in the paper.

    Raises:
        UsageError: A factor below 1, or a share that is none.
    """

    def __init__(self, rate: float, *, over: float = 4.0, floor: float = 0.01) -> None:
        if not over >= 1 or not 0 <= floor <= 1:
            raise UsageError(
                f"spectral-subtraction has over={over:g} and floor={floor:g}, but over must be at least 1 and floor in "
                "0..1. Type over=4,floor=0.01."
            )
        super().__init__(rate)
        self.over, self.floor = over, floor

    def gains(self, powers: Tensor, noise: Tensor) -> Tensor:
        """Roots of the shares of power that stay.  # [N, F, frames]"""
        ratio = 10 * (powers.sum(1, keepdim=True) / noise.sum(1, keepdim=True)).clamp_min(1e-12).log10()
        factor = (self.over - 0.15 * ratio.clamp(QUIET, LOUD)).clamp_min(1.0)
        left = torch.maximum(powers - factor * noise, self.floor * noise)
        return (left / powers.clamp_min(1e-20)).sqrt().clamp_max(1.0)
