"""Another microphone: some frequencies are louder, others fainter."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.seeds import Draws, SampleDraws


class SoundVariation:
    r"""Each sound passes a filter of the second order of its own, and is as loud as before.

    .. math:: H(z) = \frac{1 + r_1 z^{-1} + r_2 z^{-2}}{1 + r_3 z^{-1} + r_4 z^{-2}}, \qquad r \sim U[-s, s]

    *Departs from the paper*: by the sound's spectrum, so its two ends touch.

    References:
        Valin 2018, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", arXiv 1709.08243,
        equation 8 (s = 3/8).

    Args:
        strength: The largest coefficient s, below a half, where filters are stable.

    Raises:
        UsageError: A strength out of range.
    """

    def __init__(self, *, strength: float = 0.375) -> None:
        if not 0 < strength < 0.5:
            raise UsageError(
                f"equaliser.strength is {strength:g}, but it must be above 0 and below 0.5. "
                "Type equaliser:strength=0.375."
            )
        self.strength = strength

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds through filters.  # [N, C, T]"""
        length = sounds.shape[-1]
        r = self.strength * (2 * draws.uniform("equaliser", len(sounds), 2, 2).to(sounds) - 1)
        taps = torch.cat([torch.ones_like(r[..., :1]), r], -1)
        above, below = torch.fft.rfft(taps, max(3, length)).unbind(1)
        turned = torch.fft.irfft(torch.fft.rfft(sounds, max(3, length)) * (above / below)[:, None], max(3, length))
        heard = turned[..., :length]
        own, now = (each.square().mean((1, 2), keepdim=True) for each in (sounds, heard))
        return heard * (own / now.clamp_min(1e-12)).sqrt()
