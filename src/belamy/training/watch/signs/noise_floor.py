"""Noise floor raised: where the data are quiet, sounds are not."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, longer, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """The quietest tenth of a sound is louder against the whole than in the data, and more like noise.

    Either alone is none: tails that end late are louder, and quieter ones may be flat. Data that are nowhere quiet tell
    nothing by it.

    Args:
        decibels: By how much louder it must be.
        flatness: By how much its spectral flatness, of white noise 0.56, must be above the data's.
        looks: Looks over which it must last.
        grace: Share of the run in which samples may still be noisy.
    """

    title = "noise floor raised"
    specific = True
    capabilities = ("Samples",)
    modalities = ("audio",)
    needs = ("median watch.floor", "median watch.hiss")
    decibels: float = 8.0
    flatness: float = 0.3
    looks: int = 3
    grace: float = 0.25

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        louder, flatter = seen
        return self.found(
            history,
            min(louder / self.decibels, flatter / self.flatness, 2.0),
            f"The quietest tenth of a sound is {louder:.0f} dB louder, against the whole sound, than in the data "
            f"(limit {self.decibels:.0f} dB), and its spectrum is flatter by {flatter:.2f} (limit {self.flatness}; "
            "white noise is 0.56).",
            "Noise that is far below the loud parts hardly counts in the loss, but it is heard between them.",
            ("quietest tenth against the data's, dB", "watch.floor", self.decibels),
            ("its flatness against the data's", "watch.hiss", self.flatness),
            remedies=lambda builder: (
                advice("let networks see quiet parts as well as loud ones: belamy train sounds"),
                slower(builder, "generator", 2),
                longer(builder),
            ),
        )
