"""The discriminator diverges: its loss is worse than that of one that gives every image the same score."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.constant import least
from belamy.training.watch.remedies import calm, larger_batches
from belamy.training.watch.sign import EASED, BaseSign, Finding, RunHistory

LOSS = "losses.discriminator.adversarial"


class Sign(BaseSign):
    """The median of its loss over the last rows against the least that a constant score can reach.

    Learning can only do better than a constant, so a loss that stays above it comes from steps that overshoot.

    Of what translates, a loss that comes down is none: patches of a new generator are far from those of the data at
    first, and a new discriminator scores them anyhow. Then it is nearer to the constant's than in the first half of the
    run so far; a loss that is thrown about, or that rises, is not.

    Args:
        excess: Above the constant's loss, in units of that loss and of the spread of scores, from where it is severe.
        looks: Rows over which it must last.
        falling: Share of what it lay above the constant's in that half, below which it counts as coming down.
        moved: Relative change of its weights in a step, below which its steps are too small to overshoot.
    """

    title = "discriminator diverges"
    specific = True
    players = ("discriminator",)
    needs = (f"median {LOSS}",)
    excess: float = 0.5
    looks: int = 30
    falling: float = 0.75
    moved: float = 1e-3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        constant = least(history.recipe)
        if constant is None:
            return None
        loss, spread = seen[0], history.late("watch.scores.real.sd", 3) or 0.0
        moved = history.series("watch.moved.discriminator")[1]
        if not loss > constant or (len(moved) and max(moved) < self.moved):
            return None
        values = history.series(LOSS)[1]
        before = float(np.median(values[: len(values) // 2])) - constant
        falls = history.can("Translates") and loss - constant <= self.falling * before
        strength = min((loss - constant) / (abs(constant) + spread + 1e-6) / self.excess, 2.0)
        return self.found(
            history,
            strength * (EASED if falls else 1.0),
            f"Its loss is {loss:.3g}; one score for all images would give {constant:.3g}.",
            "The discriminator's steps overshoot: its learning rate is too high.",
            ("loss of the discriminator", LOSS, constant),
            remedies=lambda builder: (*calm(builder, "discriminator"), larger_batches(builder)),
        )
