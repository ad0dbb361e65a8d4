"""Frequencies above a limit as the mirror image of those below it."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._gains import of_channels

_HEARD = 1e-6
_SMOOTHED = 100.0


class ClassicalEnhancer:
    r"""Folds the spectrum at its limit: :math:`X(l + f) \leftarrow g\,X(l - f)^*`, the limit l told from the sound.

    It is the highest frequency whose power, smoothed over 100 Hz, is at most 60 dB below the strongest.

    References:
        Makhoul & Berouti 1979, "High-frequency regeneration in speech coding systems" (spectral folding).

    Args:
        rate: Samples in a second.
        gain: The factor g of the image in dB, at most 0.

    Raises:
        UsageError: A gain above 0.
    """

    against = ("band-limit",)

    def __init__(self, rate: float, *, gain: float = -12.0) -> None:
        if not gain <= 0:
            raise UsageError(f"spectral-folding.gain is {gain:g} dB, but it must be at most 0. Type gain=-12.")
        self.rate, self.gain = rate, 10 ** (gain / 20)

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds with high notes.  # [N, C, T]"""
        return of_channels(sounds, lambda some: torch.stack([self._folded(one) for one in some]))

    def _folded(self, sound: Tensor) -> Tensor:
        found = torch.fft.rfft(sound)
        limit = self._limit(found.abs().square(), len(sound))
        above = found[limit + 1 :]
        image = found[max(0, limit - len(above)) : limit].flip(0).conj()
        above[: len(image)] += self.gain * image
        return torch.fft.irfft(found, len(sound))

    def _limit(self, powers: Tensor, samples: int) -> int:
        """The number of the highest frequency that is heard."""
        wide = max(1, round(_SMOOTHED * samples / self.rate))
        smooth = torch.nn.functional.avg_pool1d(powers[None], 2 * wide + 1, 1, wide)[0]
        heard = (smooth > _HEARD * smooth.max()).nonzero()
        return int(heard[-1]) - wide if len(heard) and int(heard[-1]) < len(powers) - 1 else len(powers) - 1
