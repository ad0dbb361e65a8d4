"""The discriminator diverges: its loss is worse than that of one that gives every image the same score."""

from __future__ import annotations

import numpy as np

from belamy.registry import Part
from belamy.training.watch.constant import least
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import calm

LOSS = "losses.discriminator.adversarial"


class Sign:
    """The median of its loss over the last rows against the least that a constant score can reach.

    Learning can only do better than a constant, so a loss that stays above it comes from steps that overshoot.

    Args:
        excess: Above the constant's loss, in units of that loss and of the spread of scores, from where it is severe.
        rows: Rows over which it must last.
        moved: Relative change of its weights in a step, below which its steps are too small to overshoot.
    """

    specific = True

    def __init__(self, *, excess: float = 0.5, rows: int = 30, moved: float = 1e-3) -> None:
        self.excess, self.rows, self.moved = excess, rows, moved

    def __call__(self, history: RunHistory) -> Finding | None:
        values = history.recent(LOSS, self.rows)
        adversarial = getattr(history.recipe, "adversarial", None)
        if not len(values) or not isinstance(adversarial, Part):
            return None
        constant = least(adversarial)
        if constant is None:
            return None
        loss, spread = float(np.median(values)), history.late("watch.scores.real.sd", 3) or 0.0
        moved = history.series("watch.moved.discriminator")[1]
        if not loss > constant or (len(moved) and float(np.max(moved)) < self.moved):
            return None
        return Finding(
            "discriminator diverges",
            min((loss - constant) / (abs(constant) + spread + 1e-6) / self.excess, 2.0),
            f"Its loss is {loss:.3g}; one score for all images would give {constant:.3g}.",
            "The discriminator's steps overshoot: its learning rate is too high.",
            (Evidence.of("loss of the discriminator", history.series(LOSS), constant),),
            lambda: calm(history.recipe, "discriminator"),
            specific=self.specific,
        )
