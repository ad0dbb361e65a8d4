"""The discriminator wins: its loss goes to zero, and little that is of use reaches the generator."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.registry import Part
from belamy.training.watch.constant import least
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import weaken_discriminator

LOSS = "losses.discriminator.adversarial"


class Sign:
    """The median of its loss over the last rows, over that of a discriminator that gives all images the same score.

    Where the loss has no floor, as Wasserstein's, the gradient that reaches the samples is compared with the first
    ones instead.

    References:
        Arjovsky & Bottou 2017, arXiv 1701.04862, theorem 2.4 (the generator's gradient vanishes as it becomes optimal).

    Args:
        share: Of the constant's loss, from where it is severe.
        vanishing: Of the first gradients, from where it is severe.
        rows: Rows over which it must last.
        grace: Share of the run in which the first samples may be told without effort.
    """

    specific = False

    def __init__(self, *, share: float = 0.1, vanishing: float = 1e-3, rows: int = 20, grace: float = 0.06) -> None:
        self.share, self.vanishing, self.rows, self.grace = share, vanishing, rows, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        values, adversarial = history.recent(LOSS, self.rows), getattr(history.recipe, "adversarial", None)
        if not len(values) or not isinstance(adversarial, Part) or history.progress < self.grace:
            return None
        constant, loss = least(adversarial), float(np.median(values))
        sure = history.late("watch.auc", 3)
        if constant:
            strength = log(min(max(loss / constant, 1e-6), 1.0)) / log(self.share)
            says = (
                f"Its loss is {loss:.3g}; one score for all images would give {constant:.3g} (limit {self.share:.0%})."
            )
        else:
            strength, says = self.vanished(history)
        if sure is not None:
            says += f" It tells {sure:.1%} of pairs apart."
            strength = strength if sure > 0.9 else 0.0
        return Finding(
            "discriminator wins",
            min(strength, 2.0),
            says,
            "The discriminator is so sure that its loss is flat where the samples lie: the generator hardly learns.",
            (
                Evidence.of(
                    "loss of the discriminator", history.series(LOSS), self.share * constant if constant else None
                ),
                Evidence.of("pairs told apart", history.series("watch.auc")),
                Evidence.of("gradient that reaches the samples", history.series("watch.gradient")),
            ),
            lambda: weaken_discriminator(history.recipe),
        )

    def vanished(self, history: RunHistory) -> tuple[float, str]:
        """How far the gradient that reaches the samples has vanished, and the same in words."""
        values = history.series("watch.gradient")[1]
        if len(values) < 6:
            return 0.0, ""
        share = float(np.median(values[-3:]) / max(np.median(values[:3]), 1e-30))
        strength = log(min(max(share, 1e-12), 1.0)) / log(self.vanishing)
        return strength, f"The gradient that reaches the samples is {share:.1g} of the first ones."
