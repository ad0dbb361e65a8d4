r"""Coding by the µ-law."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.modalities.mu_law import levels_of, sounds_of
from belamy.seeds import Draws, SampleDraws


class SoundDegradation:
    r"""Values as a telephone codes them: rounded on the scale of :math:`\operatorname{sgn}(x)\ln(1+\mu|x|)/\ln(1+\mu)`.

    References:
        ITU-T G.711, by its formula; µ = 2^bits - 1.

    Args:
        rate: Samples in a second.
        bits: Of a sample, 8 in the standard.

    Raises:
        UsageError: Fewer than 2 or more than 16 bits.
    """

    def __init__(self, rate: float, *, bits: int = 8) -> None:
        if not 2 <= bits <= 16:
            raise UsageError(f"mu-law.bits is {bits}, but it must be in 2..16.")
        self.levels = 2**bits

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds in [-1, 1] as they come out of the code.  # [N, C, T]"""
        return sounds_of(levels_of(sounds, self.levels), self.levels, sounds.dtype)
