"""Exploding gradients: a player's gradient norm grows far beyond what it was."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import calm

ROWS = 12


class Sign:
    """The median norm of the last rows against the lowest median of as many rows in a row.

    Args:
        growth: Factor from which the gradients explode.
    """

    specific = True

    def __init__(self, *, growth: float = 50.0) -> None:
        self.growth = growth

    def __call__(self, history: RunHistory) -> Finding | None:
        worst: tuple[float, str] | None = None
        for name in history.names("gradient_norms."):
            values = history.series(name)[1]
            if len(values) < 2 * ROWS:
                continue
            medians = np.median(np.lib.stride_tricks.sliding_window_view(np.nan_to_num(values, nan=1e30), ROWS), axis=1)
            factor = float(medians[-1] / max(medians.min(), 1e-12))
            if worst is None or factor > worst[0]:
                worst = factor, name
        if worst is None or worst[0] <= 1:
            return None
        factor, name = worst
        player = name.partition(".")[2]
        return Finding(
            "exploding gradients",
            min(log(factor) / log(self.growth), 2.0),
            f"The gradient of the {player} is {factor:,.0f} times its lowest level (limit {self.growth:,.0f}).",
            f"The steps of the {player} overshoot, so that its next gradient is larger still: its learning rate is too "
            f"high for its loss.",
            (Evidence.of(f"gradient norm of the {player}", history.series(name)),),
            lambda: calm(history.recipe, player),
            specific=self.specific,
        )
