"""Log-magnitudes and instantaneous frequencies, of which sounds are made exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from belamy.modalities.fields import Field
from belamy.modalities.short_time import centred_sounds
from belamy.networks.representations._spectra import LEAST, Spectra


class Representation(Spectra):
    r"""GANSynth's pictures of sound: log-magnitudes, and how far each frequency's phase turns from window to window.

    .. math:: y^1_{ft} = \frac{\log(|X_{ft}| + 10^{-6}) - m}{h}, \qquad
        y^2_{ft} = \tfrac1\pi\,\mathrm{wrap}(\angle X_{ft} - \angle X_{f,t-1}), \qquad \angle X_{f,-1} = 0

    wrap brings an angle to [-π, π); the first turn is the phase itself. A steady tone has steady turns, where its
    phases look like noise. m and h bring the log-magnitudes of the training sounds to [-1, 1]. Turns add up to phases,
    so a sound comes back but for its highest frequency, half the rate.

    *Departs from the paper*: frequencies are linear (its "IF", with a long window "IF + H"; not "IF-Mel"); windows lie
    around their pieces of the sound.

    References:
        Engel et al. 2019, arXiv 1902.08710, section 2.

    Args:
        field: The data's main one: sounds.
        window: Samples of a window, twice the number of frequencies.
        hop: Samples from one window to the next; a quarter of the window or less lets turns tell frequencies apart.

    Raises:
        UsageError: Sizes that do not fit.
    """

    middle: Tensor
    reach: Tensor

    def __init__(self, field: Field, *, window: int = 1024, hop: int = 256) -> None:
        super().__init__("instantaneous-frequency", field, window, hop)
        self.shape = (2 * self.channels, *self.sides)
        self.register_buffer("middle", torch.zeros(()))
        self.register_buffer("reach", torch.ones(()))

    def measure(self, samples: Iterable[Tensor]) -> None:
        """The range of the log-magnitudes."""
        limits = [torch.stack(found.aminmax()) for found in self.logarithms(samples)]
        low, high = torch.stack(limits).unbind(1)
        self.middle.copy_((high.max() + low.min()) / 2)
        self.reach.copy_(((high.max() - low.min()) / 2).clamp_min(LEAST))

    def forward(self, samples: Tensor) -> Tensor:
        """``[N, 2 channels, window / 2, samples / hop]``: all log-magnitudes, then all turns."""
        found = self.spectra(samples)
        magnitudes = ((found.abs() + LEAST).log() - self.middle) / self.reach
        phases = found.angle()
        turns = phases - torch.nn.functional.pad(phases, (1, 0))[..., :-1]
        turns = (turns + math.pi).remainder(2 * math.pi) - math.pi
        return torch.cat([magnitudes, turns / math.pi], 1).to(samples.dtype)

    def inverse(self, seen: Tensor) -> Tensor:
        """``[N, channels, samples]``."""
        values = seen if seen.dtype == torch.float64 else seen.float()
        logarithms, turns = values.chunk(2, 1)
        magnitudes = ((self.reach * logarithms + self.middle).exp() - LEAST).clamp_min(0)
        found = torch.polar(magnitudes, (math.pi * turns).cumsum(3))
        sounds = centred_sounds(self.whole(found), self.window, self.hop)
        return self.in_range(sounds).to(seen.dtype)
