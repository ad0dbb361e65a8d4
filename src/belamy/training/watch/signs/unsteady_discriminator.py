"""The discriminator's loss grows ever more unsteady."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import calm
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

LOSS = "losses.discriminator.adversarial"


class Sign(BaseSign):
    """The variance of the discriminator's loss between neighbouring rows, late against early in the run.

    A warning at most: healthy games have spells of it.

    Args:
        growth: Factor from which it counts.
        looks: Rows that there must be.
    """

    title = "unsteady discriminator"
    players = ("discriminator",)
    needs = (f"last {LOSS}",)
    growth: float = 20.0
    looks: int = 60

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        values = history.series(LOSS)[1]
        if not np.isfinite(values).all():
            return None
        jumps = np.diff(values) ** 2
        third = len(jumps) // 3
        factor = float(np.mean(jumps[-third:]) / max(np.mean(jumps[:third]), 1e-12))
        return self.found(
            history,
            min(factor / self.growth, 1.5),
            f"The variance of its loss is {factor:,.1f} times what it was (limit {self.growth:,.0f}).",
            "The discriminator's answers jump from step to step instead of settling.",
            ("loss of the discriminator", LOSS, None),
            mild=True,
            remedies=lambda builder: calm(builder, "discriminator"),
        )
