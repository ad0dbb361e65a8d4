r"""The µ-law: faint samples of sound in finer levels than loud ones.

.. math:: f(x) = \operatorname{sgn}(x)\,\frac{\ln(1 + \mu |x|)}{\ln(1 + \mu)}

with one level for each whole number up to µ, so µ is 255 where samples have 8 bits.

References:
    ITU-T G.711, by its formula.
"""

from __future__ import annotations

from math import log1p

import torch
from torch import Tensor


def levels_of(sounds: Tensor, levels: int) -> Tensor:
    """The levels of samples in [-1, 1], rounded on the scale of the µ-law.  # […] to long […]

    Args:
        sounds: Clipped where they leave the range.
        levels: How many there are.

    Example:
        >>> levels_of(torch.tensor([-1.0, -0.01, 0.0, 0.01, 1.0]), 256).tolist()
        [0, 98, 128, 157, 255]
    """
    inside, mu = sounds.clamp(-1, 1), levels - 1
    scale = inside.sign() * torch.log1p(mu * inside.abs()) / log1p(mu)
    return torch.round((scale + 1) / 2 * mu).long()


def sounds_of(levels: Tensor, count: int, like: torch.dtype | None = None) -> Tensor:
    """The samples in [-1, 1] that levels stand for.  # long […] to […]

    Args:
        levels: Whole numbers from 0.
        count: How many levels there are.
        like: The floating type.

    Example:
        >>> sounds_of(torch.tensor([0, 98, 128, 157, 255]), 256).mul(1000).round().tolist()
        [-1000.0, -10.0, 0.0, 10.0, 1000.0]
    """
    mu = count - 1
    scale = levels.to(like or torch.float32) / mu * 2 - 1
    return scale.sign() * torch.expm1(scale.abs() * log1p(mu)) / mu
