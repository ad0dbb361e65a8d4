"""Frequencies above a limit as the mirror image of those below it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from belamy.errors import UsageError
from belamy.networks.classical_enhancers._gains import of_channels

_HEARD = 1e-6
_SMOOTHED = 100.0
_NEAR = (0.8, 0.9)


class ClassicalEnhancer:
    r"""Folds the flattened spectrum at its limit l, which is told from the sound.

    .. math:: X(l + f) \leftarrow g \sqrt{\frac{S_l}{S(l - f)}}\,X(l - f)^*

    where S is the power smoothed over 100 Hz, and S_l its mean from 0.8 l to 0.9 l. The limit is the highest frequency
    where S is at most 60 dB below its largest value.

    *Departs from the paper*: the spectrum of the whole sound is flattened, in place of a prediction's error.

    References:
        Makhoul & Berouti 1979, "High-frequency regeneration in speech coding systems" (spectral folding).

    Args:
        rate: Samples in a second.
        gain: The factor g of the image in dB, at most 0.

    Raises:
        UsageError: A gain above 0.
    """

    against = ("band-limit",)

    def __init__(self, rate: float, *, gain: float = -10.0) -> None:
        if not gain <= 0:
            raise UsageError(f"spectral-folding.gain is {gain:g} dB, but it must be at most 0. Type gain=-10.")
        self.rate, self.gain = rate, 10 ** (gain / 20)

    def __call__(self, sounds: Tensor) -> Tensor:
        """Sounds with high notes.  # [N, C, T]"""
        return of_channels(sounds, lambda some: torch.stack([self._folded(one) for one in some]))

    def _folded(self, sound: Tensor) -> Tensor:
        found = torch.fft.rfft(sound)
        wide = max(1, round(_SMOOTHED * len(sound) / self.rate))
        smooth = avg_pool1d(found.abs().square()[None], 2 * wide + 1, 1, wide)[0]
        heard = (smooth > _HEARD * smooth.max()).nonzero()
        if not len(heard) or int(heard[-1]) == len(found) - 1:
            return sound
        limit = max(1, int(heard[-1]) - wide)
        level = smooth[round(_NEAR[0] * limit) : round(_NEAR[1] * limit) + 1].mean()
        flat = found * (level / smooth.clamp_min(_HEARD * float(smooth.max()))).sqrt()
        above = found[limit + 1 :]
        image = flat[max(0, limit - len(above)) : limit].flip(0).conj()
        above[: len(image)] += self.gain * image
        return torch.fft.irfft(found, len(sound))
