"""The discriminator's loss grows ever more unsteady."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import calm

ROWS = 60


class Sign:
    """The variance of the discriminator's loss between neighbouring rows, late against early in the run.

    A warning at most: healthy games have spells of it.

    Args:
        growth: Factor from which it counts.
    """

    specific = False

    def __init__(self, *, growth: float = 20.0) -> None:
        self.growth = growth

    def __call__(self, history: RunHistory) -> Finding | None:
        name = "losses.discriminator.adversarial"
        values = history.series(name)[1]
        if len(values) < ROWS or not np.isfinite(values).all():
            return None
        jumps = np.diff(values) ** 2
        third = len(jumps) // 3
        factor = float(np.mean(jumps[-third:]) / max(np.mean(jumps[:third]), 1e-12))
        return Finding(
            "unsteady discriminator",
            min(0.6 * factor / self.growth, 0.95),
            f"The variance of its loss is {factor:,.1f} times what it was (limit {self.growth:,.0f}).",
            "The discriminator's answers jump from step to step instead of settling.",
            (Evidence.of("loss of the discriminator", history.series(name)),),
            lambda: calm(history.recipe, "discriminator"),
        )
