"""The discriminator is too weak: it cannot tell real from generated images, although they are easily told."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import strengthen_discriminator


class Sign:
    """Real images score above generated ones hardly more often than by chance, and few samples look like data.

    Args:
        auc: Probability that a real image scores higher, below which the discriminator is near chance.
        alike: Share of data covered by samples, below which samples are plainly bad.
        looks: Looks over which it must last.
        grace: Share of the run in which a discriminator may still be learning.
    """

    specific = True

    def __init__(self, *, auc: float = 0.75, alike: float = 0.3, looks: int = 5, grace: float = 0.15) -> None:
        self.auc, self.alike, self.looks, self.grace = auc, alike, looks, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        told, covered = history.recent("watch.auc", self.looks), history.recent("watch.coverage", self.looks)
        if not len(told) or not len(covered) or history.progress < self.grace:
            return None
        sure, good = float(np.median(told)), float(np.median(covered))
        strength = min((1 - sure) / (1 - self.auc), (1 - good) / (1 - self.alike))
        return Finding(
            "discriminator too weak",
            min(strength, 2.0),
            f"It tells {sure:.0%} of pairs apart (chance 50%), and samples cover {good:.0%} of the data's places.",
            "The discriminator learns too slowly or is too small to see what is wrong, so it teaches nothing.",
            (
                Evidence.of("pairs told apart", history.series("watch.auc"), self.auc),
                Evidence.of("share of the data covered", history.series("watch.coverage"), self.alike),
            ),
            lambda: strengthen_discriminator(history.recipe),
            specific=self.specific,
        )
