"""The discriminator wins: it tells real from generated images for sure, and little reaches the generator."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.course import Course
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.remedies import weaken_discriminator


class Sign:
    """The probability that a real image scores above a generated one stays next to 1, and images get no better.

    Args:
        auc: That probability, from which separation is complete.
        precision: Share of samples that look like data, below which the generator has learned little.
        looks: Looks over which it must last.
    """

    specific = False

    def __init__(self, *, auc: float = 0.995, precision: float = 0.25, looks: int = 5) -> None:
        self.auc, self.precision, self.looks = auc, precision, looks

    def __call__(self, course: Course) -> Finding | None:
        separated, alike = course.recent("watch.auc", self.looks), course.recent("watch.precision", self.looks)
        if not len(separated) or not len(alike):
            return None
        sure, good = float(np.median(separated)), float(np.median(alike))
        if sure < self.auc:
            return None
        strength = 1.0 + max(0.0, self.precision - good) if good < self.precision else 0.7
        return Finding(
            "discriminator wins",
            strength,
            f"It tells {sure:.1%} of pairs apart (limit {self.auc:.1%}), and {good:.0%} of the samples look like data.",
            "The discriminator is so sure that its loss is flat where the samples lie: the generator hardly learns.",
            (
                Evidence.of("pairs told apart", course.series("watch.auc"), self.auc),
                Evidence.of("gradient that reaches the samples", course.series("watch.gradient")),
                Evidence.of("share of samples that look like data", course.series("watch.precision"), self.precision),
            ),
            weaken_discriminator(course.recipe),
        )
