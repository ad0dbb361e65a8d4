"""The discriminator wins: its loss goes to zero, and little that is of use reaches the generator."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.constant import least
from belamy.training.watch.remedies import weaken_discriminator
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

LOSS = "losses.discriminator.adversarial"


class Sign(BaseSign):
    """The median of its loss over the last rows, over that of a discriminator that gives all images the same score.

    A warning at most of what translates, whose generator learns from its targets too.

    Where the loss has no floor, as Wasserstein's, the gradient that reaches the samples is compared with the first
    ones instead.

    References:
        Arjovsky & Bottou 2017, arXiv 1701.04862, theorem 2.4 (the generator's gradient vanishes as it becomes optimal).

    Args:
        share: Of the constant's loss, from where it is severe.
        vanishing: Of the first gradients, from where it is severe.
        looks: Rows over which it must last.
        grace: Share of the run in which the first samples may be told without effort.
    """

    title = "discriminator wins"
    players = ("discriminator",)
    needs = (f"median {LOSS}",)
    share: float = 0.1
    vanishing: float = 1e-3
    looks: int = 20
    grace: float = 0.06

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        constant, loss = least(history.recipe), seen[0]
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
        return self.found(
            history,
            min(strength, 2.0),
            says,
            "The discriminator is so sure that its loss is flat where the samples lie: the generator hardly learns.",
            ("loss of the discriminator", LOSS, self.share * constant if constant else None),
            ("pairs told apart", "watch.auc", None),
            ("gradient that reaches the samples", "watch.gradient", None),
            mild=history.can("Translates"),  # its generator learns from the targets too
            remedies=weaken_discriminator,
        )

    def vanished(self, history: RunHistory) -> tuple[float, str]:
        """How far the gradient that reaches the samples has vanished, and the same in words."""
        values = history.series("watch.gradient")[1]
        if len(values) < 6:
            return 0.0, ""
        share = float(np.median(values[-3:]) / max(np.median(values[:3]), 1e-30))
        strength = log(min(max(share, 1e-12), 1.0)) / log(self.vanishing)
        return strength, (
            f"The gradient that reaches the samples is {share:.1g} of the first ones (limit {self.vanishing:g})."
        )
