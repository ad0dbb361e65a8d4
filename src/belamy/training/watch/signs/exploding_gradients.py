"""Exploding gradients: a player's gradient norm grows far beyond what it was."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.constant import least
from belamy.training.watch.remedies import slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

ROWS = 12
BEGUN = 0.25
"""A norm below this is that of networks that say hardly anything yet, as a recurrent GAN's at its start: growing from
there is learning. Set after looking at few runs: five healthy recurrent GANs, whose norms grew from 0.006 to at most 5,
and two runs that exploded, to norms of hundreds and thousands."""


class Sign(BaseSign):
    """The median norm of the last rows against the lowest of as many rows in a row, counted as 0.25 at least.

    Rows of the first steps do not count: networks without normalisation say nearly nothing at first, and their
    gradients rise a hundredfold as they begin to.

    A warning at most while an objective that is to fall stays near its best, and of a discriminator that translations
    are shown while its loss is below that of a constant score: then its steps do not overshoot, it has begun to tell
    real from made, as one does that joins in a second stage.

    Args:
        growth: Factor from which the gradients explode.
        first: Steps whose rows do not count.
    """

    title = "exploding gradients"
    specific = True
    growth: float = 50.0
    first: int = 50

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        factor, name, lowest = 1.0, "", 0.0
        for each in history.names("gradient_norms."):
            samples, values = history.series(each)
            values = values[samples > self.first * history.recipe.batch]
            if len(values) < 2 * ROWS:
                continue
            medians = np.median(np.lib.stride_tricks.sliding_window_view(np.nan_to_num(values, nan=1e30), ROWS), axis=1)
            level = max(float(medians.min()), BEGUN)
            factor, name, lowest = max((factor, name, lowest), (float(medians[-1]) / level, each, level))
        if not name:
            return None
        player = name.partition(".")[2]
        level_said = "its lowest level" if lowest > BEGUN else f"a norm of {BEGUN}"
        return self.found(
            history,
            min(log(factor) / log(self.growth), 2.0),
            f"The gradient of the {player} is {factor:,.0f} times {level_said} (limit {self.growth:,.0f}).",
            f"The steps of the {player} overshoot, so that its next gradient is larger still: its learning rate is too "
            f"high for its loss.",
            (f"gradient norm of the {player}", name, None),
            mild=history.thrives or (player == "discriminator" and tells_apart(history)),
            remedies=lambda builder: (slower(builder, player, 10),),
        )


def tells_apart(history: RunHistory) -> bool:
    """Whether a discriminator of translations loses less than one score for all of them would."""
    constant, loss = least(history.recipe), history.late("losses.discriminator.adversarial", ROWS)
    return history.can("Translates") and constant is not None and loss is not None and loss < constant
