"""Silence: sounds in which there is nothing."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, slower, weaken_discriminator
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of sounds whose peak is below -60 dB, less that of the data.

    Args:
        share: From where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which the first sounds may be silent.
    """

    title = "silence"
    specific = True
    capabilities = ("Samples",)
    modalities = ("audio",)
    needs = ("median watch.silent",)
    share: float = 0.4
    looks: int = 3
    grace: float = 0.15

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min(seen[0] / self.share, 2.0),
            f"{seen[0]:.0%} more sounds are silent than in the data (limit {self.share:.0%}).",
            "Silence is what many recordings have in common; a network that is pushed too hard, or whose data are "
            "nearly silent, gives nothing else.",
            ("silent sounds more than in the data", "watch.silent", self.share),
            remedies=lambda builder: (
                advice("leave silence at the ends of recordings out: --modality audio:trim=true,normalise=true"),
                *(weaken_discriminator(builder) if history.adversarial else (slower(builder, "generator"),)),
            ),
        )
