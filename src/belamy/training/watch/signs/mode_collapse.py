"""Mode collapse: the generator makes few different images."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.course import Course
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.remedies import more_variety


class Sign:
    """The mean distance between two samples, in the eye's features, falls far below that of two real images.

    Args:
        diversity: That ratio, below which it is collapse.
        looks: Looks over which it must last.
        grace: Share of the run in which any generator may still be uniform.
    """

    specific = False

    def __init__(self, *, diversity: float = 0.5, looks: int = 4, grace: float = 0.1) -> None:
        self.diversity, self.looks, self.grace = diversity, looks, grace

    def __call__(self, course: Course) -> Finding | None:
        recent = course.recent("watch.diversity", self.looks)
        if not len(recent) or course.progress < self.grace:
            return None
        worst = float(np.max(recent))
        return Finding(
            "mode collapse",
            (1 - worst) / (1 - self.diversity),
            f"Samples differ {worst:.0%} as much as images of the data do (limit {self.diversity:.0%}).",
            "The generator has found few images that pass and makes only those: the discriminator sees single images "
            "and cannot miss the others.",
            (Evidence.of("diversity against the data's", course.series("watch.diversity"), self.diversity),),
            more_variety(course.recipe),
        )
