"""Clipping: what exceeds a level is cut off."""

from __future__ import annotations

from torch import Tensor

from belamy.networks.sound_degradations import between, check_span
from belamy.seeds import Draws, SampleDraws


class SoundDegradation:
    r"""Values beyond a level become the level: :math:`\operatorname{sgn}(x)\min(|x|, l)`.

    References:
        Valle 2019, Hands-On Generative Adversarial Networks with Keras, chapter 10 (0.9).

    Args:
        rate: Samples in a second.
        low: Least level; each sound's is drawn uniformly.
        high: Largest level.
        relative: Levels are shares of each sound's own peak, in place of the full range.

    Raises:
        UsageError: Levels out of range or of order.
    """

    def __init__(self, rate: float, *, low: float = 0.9, high: float = 0.9, relative: bool = False) -> None:
        check_span("clipping", low, high, 0.001, 1, "of the range")
        self.low, self.high, self.relative = low, high, relative

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds without their peaks.  # [N, C, T]"""
        level = between(self.low, self.high, draws, "level", sounds)
        if self.relative:
            level = level * sounds.abs().amax((1, 2), keepdim=True)
        return sounds.minimum(level).maximum(-level)
