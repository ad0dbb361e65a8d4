"""Log-magnitudes of spectra, of which sounds are made by searching for phases."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.modalities.short_time import with_phases_found
from belamy.networks.representations._spectra import LEAST, Spectra

DEVIATIONS = 3.0
"""Values further from the mean are cut off."""


class Representation(Spectra):
    r"""SpecGAN's pictures of sound: log-magnitudes, each frequency by its own mean and deviation, cut off at three.

    .. math:: y_{ft} = \tfrac13\,\mathrm{clip}\Bigl(\frac{\log(|X_{ft}| + 10^{-6}) - \mu_f}{\sigma_f},\ -3,\ 3\Bigr)

    μ and σ are those of the training sounds. Phases are found by Griffin & Lim's iterations; only they, and what was
    cut off, make a sound that comes back another one. Where that leaves the range, it is made quieter as a whole.

    *Departs from the paper*: windows lie around their pieces, where its code lets them begin there; the first phases
    are always the same.

    References:
        Donahue et al. 2019, arXiv 1802.04208, section 3.1; Griffin & Lim 1984.

    Args:
        field: The data's main one: sounds.
        window: Samples of a window, twice the number of frequencies.
        hop: Samples from one window to the next.
        iterations: In which phases are found.

    Raises:
        UsageError: Sizes that do not fit.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, field: Field, *, window: int = 256, hop: int = 128, iterations: int = 16) -> None:
        super().__init__("log-magnitude", field, window, hop)
        if not 0 <= iterations <= 1000:
            raise UsageError(f"log-magnitude.iterations is {iterations}, but it must be in 0..1000.")
        self.iterations = iterations
        self.shape = (self.channels, *self.sides)
        self.register_buffer("mean", torch.zeros(self.sides[0], 1))
        self.register_buffer("deviation", torch.ones(self.sides[0], 1))

    def measure(self, samples: Iterable[Tensor]) -> None:
        """Mean and standard deviation of each frequency's log-magnitudes."""
        count, total, squares = 0, torch.zeros(self.sides[0]).double(), torch.zeros(self.sides[0]).double()
        for found in self.logarithms(samples):
            count += found.numel() // self.sides[0]
            total, squares = total + found.sum((0, 1, 3)), squares + found.square().sum((0, 1, 3))
        mean = total / count
        self.mean.copy_(mean[:, None])
        self.deviation.copy_((squares / count - mean.square()).clamp_min(LEAST).sqrt()[:, None])

    def forward(self, samples: Tensor) -> Tensor:
        """``[N, channels, window / 2, samples / hop]`` in [-1, 1]."""
        logarithms = (self.spectra(samples).abs() + LEAST).log()
        return ((logarithms - self.mean) / (DEVIATIONS * self.deviation)).clamp(-1, 1).to(samples.dtype)

    def inverse(self, seen: Tensor) -> Tensor:
        """``[N, channels, samples]``."""
        values = seen if seen.dtype == torch.float64 else seen.float()
        magnitudes = ((DEVIATIONS * self.deviation * values + self.mean).exp() - LEAST).clamp_min(0)
        sounds = with_phases_found(self.whole(magnitudes), self.window, self.hop, self.iterations)
        return self.in_range(sounds).to(seen.dtype)
