"""Mode collapse: the generator makes few different images."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import EASED, RISING, Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import more_variety


class Sign:
    """The mean distance between two samples, in the eye's features, falls far below that of two real images, and
    samples meet few of the data's places; while more of them are met from look to look, it is no collapse yet.

    Args:
        diversity: That ratio, below which it is collapse.
        coverage: Share of the data's places, likewise.
        looks: Looks over which it must last.
        grace: Share of the run in which any generator may still be uniform.
    """

    specific = False

    def __init__(self, *, diversity: float = 0.5, coverage: float = 0.5, looks: int = 4, grace: float = 0.1) -> None:
        self.diversity, self.coverage, self.looks, self.grace = diversity, coverage, looks, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        recent, covered = history.recent("watch.diversity", self.looks), history.late("watch.coverage", self.looks)
        if not len(recent) or covered is None or history.progress < self.grace:
            return None
        worst = float(np.max(recent))
        strength = min((1 - worst) / (1 - self.diversity), (1 - covered) / (1 - self.coverage))
        return Finding(
            "mode collapse",
            strength * (EASED if history.rise("watch.coverage", self.looks) > RISING else 1.0),
            f"Samples differ {worst:.0%} as much as images of the data do (limit {self.diversity:.0%}), and meet "
            f"{covered:.0%} of their places (limit {self.coverage:.0%}).",
            "The generator has found few images that pass and makes only those: the discriminator sees single images "
            "and cannot miss the others.",
            (
                Evidence.of("diversity against the data's", history.series("watch.diversity"), self.diversity),
                Evidence.of("share of the data's places met", history.series("watch.coverage"), self.coverage),
            ),
            lambda: more_variety(history.recipe),
        )
