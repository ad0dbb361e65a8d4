"""Dead codes: most of a codebook is never taken."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

LEAST = 0.01


class Sign(BaseSign):
    """Share of a codebook's codes that some place of some picture took within the recipe's ``patience``.

    Args:
        used: Share below which it is severe.
        looks: Rows over which it must last.
        grace: Share of the run before which it says nothing.
    """

    title = "dead codes"
    specific = True
    players = ("autoencoder",)
    needs = ("median losses.autoencoder.used",)
    used: float = 0.2
    looks: int = 5
    grace: float = 0.05

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            self.used / max(seen[0], LEAST),
            f"{seen[0]:.0%} of the codes are taken (limit {self.used:.0%}).",
            "Only the nearest code to some features learns: those that begin far from all features are never taken, "
            "and stay where they are.",
            ("share of codes that are taken", "losses.autoencoder.used", self.used),
            remedies=lambda builder: (
                builder.field("restart", lambda now: True, "give dead codes new places among the features"),
                builder.part("quantiser", "finite-scalar", "codes on a grid, of which none can die"),
                builder.option("quantiser", "codes", lambda now: max(2, now // 4), "fewer codes"),
                advice("begin anew with a lower learning rate: features that run away leave their codes behind"),
            ),
        )
