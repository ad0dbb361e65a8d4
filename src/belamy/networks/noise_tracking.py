"""How loud the noise is behind speech, from frame to frame."""

from __future__ import annotations

import torch
from torch import Tensor

SPEECH_RATIO = 10**1.5
"""Ratio of speech to noise, 15 dB, that is expected where there is speech."""
FIRST = 5
"""Frames whose mean is the first estimate."""
_CERTAIN, _LEAST = 0.99, 1e-12


def noise_powers(powers: Tensor) -> Tensor:
    r"""The power of the noise in each frame and frequency, told from the frames up to it alone.

    Where speech is unlikely the estimate follows the power that is heard, and where it is likely it stays.

    .. math:: P = \left(1 + (1 + \xi) \exp\!\left(-\frac{|y|^2}{\sigma^2}\frac{\xi}{1 + \xi}\right)\right)^{-1},
        \qquad \sigma^2 \leftarrow 0.8\,\sigma^2 + 0.2\,\bigl(P\sigma^2 + (1 - P)\,|y|^2\bigr)

    where P is held below 0.99 when it was above for long, so that the estimate never stops for good. Of steady
    noise it rests at 0.81 of the power, for loud frames look like speech.

    References:
        Gerkmann & Hendriks 2012, "Unbiased MMSE-based noise power estimation with low complexity and low tracking
        delay", equations 18 and 22 and algorithm 1.

    Args:
        powers: Of the noisy frames.  # [N, F, frames]

    Returns:
        Of the noise, above 0.  # [N, F, frames]
    """
    noise = powers[..., :FIRST].mean(-1).clamp_min(_LEAST)
    slow = torch.full_like(noise, 0.5)
    found = []
    for heard in powers.unbind(-1):
        speech = 1 / (1 + (1 + SPEECH_RATIO) * torch.exp(-heard / noise * SPEECH_RATIO / (1 + SPEECH_RATIO)))
        slow = 0.9 * slow + 0.1 * speech
        speech = torch.where(slow > _CERTAIN, speech.clamp_max(_CERTAIN), speech)
        noise = (0.8 * noise + 0.2 * (speech * noise + (1 - speech) * heard)).clamp_min(_LEAST)
        found.append(noise)
    return torch.stack(found, -1)
