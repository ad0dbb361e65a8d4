"""Lost packets: pieces of equal length that are silent."""

from __future__ import annotations

from torch import Tensor

from belamy.errors import UsageError
from belamy.seeds import Draws, SampleDraws


class SoundDegradation:
    """Each packet is lost with the same probability, by itself, and is silent then.

    Args:
        rate: Samples in a second.
        share: The probability of a loss.
        milliseconds: Length of a packet.

    Raises:
        UsageError: A probability that is none, or a packet without samples.
    """

    def __init__(self, rate: float, *, share: float = 0.1, milliseconds: float = 20.0) -> None:
        self.samples = round(rate * milliseconds / 1000)
        if not 0 <= share <= 1 or self.samples < 1:
            raise UsageError(
                f"packet-loss has share={share:g} and milliseconds={milliseconds:g}, but a share must be in 0..1 and a "
                "packet must have samples. Type packet-loss:share=0.1,milliseconds=20."
            )
        self.share = share

    def __call__(self, sounds: Tensor, draws: Draws | SampleDraws) -> Tensor:
        """Sounds in which packets are silent.  # [N, C, T]"""
        count, _, length = sounds.shape
        kept = draws.uniform("packets", count, -(-length // self.samples)) >= self.share
        return sounds * kept.repeat_interleave(self.samples, 1)[:, None, :length].to(sounds)
