"""The discriminator memorises: it scores the images it learns from above others of the same kind."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.course import Course
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.remedies import Cabinet, in_order


class Sign:
    """Probability that a training image scores above a held-out one; 0.5 is innocence.

    References:
        Karras et al. 2020, arXiv 2006.06676, equation 1, which compares means instead.

    Args:
        auc: From where it is severe.
        looks: Looks that are averaged.
    """

    specific = True

    def __init__(self, *, auc: float = 0.75, looks: int = 6) -> None:
        self.auc, self.looks = auc, looks

    def __call__(self, course: Course) -> Finding | None:
        told = course.recent("watch.auc_held", self.looks)
        if not len(told):
            return None
        mean = float(np.mean(told))
        cabinet = Cabinet(course.recipe)
        return Finding(
            "discriminator memorises",
            (mean - 0.5) / (self.auc - 0.5),
            f"A training image scores above one held out in {mean:.0%} of pairs (limit {self.auc:.0%}, chance 50%).",
            "The data are few for this discriminator: it learns them by heart and no longer tells what they share.",
            (Evidence.of("training above held-out", course.series("watch.auc_held"), self.auc),),
            lambda: in_order(
                cabinet.part("views", "adaptive", "augment what the discriminator sees, as much as it takes (ADA)"),
                cabinet.part("views", "diff-augment", "augment what the discriminator sees"),
                cabinet.option("discriminator", "dropout", lambda now: min(0.7, now + 0.3), "raise its dropout"),
                cabinet.part("penalties", "r1", "keep the discriminator smooth near real images"),
                *(cabinet.option("discriminator", key, lambda now: max(1, now // 2), "give it fewer filters")
                  for key in ("width", "features", "filters")),
            ),
            specific=self.specific,
        )  # fmt: skip
