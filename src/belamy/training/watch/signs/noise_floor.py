"""Noise floor raised: where the data are quiet, sounds are not."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, longer, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Level of the quietest tenth of a sound against the whole, in decibels, less that of the data.

    Below -50 dB all is quiet. Data that are nowhere quiet tell nothing by it.

    Args:
        decibels: From where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which samples may still be noisy.
    """

    title = "noise floor raised"
    specific = True
    capabilities = ("Samples",)
    modalities = ("audio",)
    needs = ("median watch.floor",)
    decibels: float = 35.0
    looks: int = 3
    grace: float = 0.4

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min(seen[0] / self.decibels, 2.0),
            f"The quietest tenth of a sound is {seen[0]:.0f} dB louder, against the whole sound, than in the data "
            f"(limit {self.decibels:.0f} dB).",
            "Noise that is far below the loud parts hardly counts in the loss, but it is heard between them.",
            ("quietest tenth against the data's, dB", "watch.floor", self.decibels),
            remedies=lambda builder: (
                advice("let networks see quiet parts as well as loud ones: belamy train sounds"),
                slower(builder, "generator", 2),
                longer(builder),
            ),
        )
