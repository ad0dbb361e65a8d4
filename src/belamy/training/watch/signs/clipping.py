"""Clipping: sounds that are driven against the ends of the range."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, clipped, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of sounds of which more than a thousandth is at an end of the range, less that of the data.

    Args:
        share: From where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which it may happen.
    """

    title = "clipping"
    specific = True
    capabilities = ("Samples",)
    modalities = ("audio",)
    needs = ("median watch.clipped",)
    share: float = 0.2
    looks: int = 3
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min(seen[0] / self.share, 2.0),
            f"{seen[0]:.0%} more sounds are clipped than in the data (limit {self.share:.0%}).",
            "What the last layer makes lies far beyond the range and is cut off at its ends, where gradients vanish.",
            ("clipped sounds more than in the data", "watch.clipped", self.share),
            remedies=lambda builder: (
                slower(builder, "generator"),
                clipped(builder),
                slower(builder, "discriminator"),
                advice("lower the level of the recordings by 3 dB, so that they keep away from the ends"),
            ),
        )
