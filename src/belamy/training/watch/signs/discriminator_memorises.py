"""The discriminator memorises: it scores the images it learns from above others of the same kind."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, in_order


class Sign:
    """Probability that a training image scores above a held-out one; 0.5 is innocence.

    Few images seen very often without augmentation are a warning before it shows.

    References:
        Karras et al. 2020, arXiv 2006.06676, equation 1, which compares means instead, and figure 1 on few images.

    Args:
        auc: From where it is severe.
        looks: Looks that are averaged.
        few: Training images up to which passes over them are counted.
        passes: Passes from where they are a warning.
    """

    specific = True

    def __init__(self, *, auc: float = 0.75, looks: int = 4, few: int = 500, passes: int = 50) -> None:
        self.auc, self.looks, self.few, self.passes = auc, looks, few, passes

    def __call__(self, history: RunHistory) -> Finding | None:
        told = history.recent("watch.auc_held", self.looks)
        passes = history.samples / history.train if history.train else 0.0
        often = 0 < history.train <= self.few and passes >= self.passes and not augmented(history)
        if not len(told):
            return None
        mean = float(np.mean(told))
        says = f"A training image scores above one held out in {mean:.0%} of pairs (limit {self.auc:.0%}, chance 50%)."
        if often:
            says += f" The {history.train:,} images have been seen {passes:,.0f} times."
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "discriminator memorises",
            max((mean - 0.5) / (self.auc - 0.5), 0.9 if often else 0.0),
            says,
            "The data are few for this discriminator: it learns them by heart and no longer tells what they share.",
            (Evidence.of("training above held-out", history.series("watch.auc_held"), self.auc),),
            lambda: in_order(
                builder.part("views", "adaptive", "augment what the discriminator sees, as much as it takes (ADA)"),
                builder.part("views", "diff-augment", "augment what the discriminator sees"),
                builder.option("discriminator", "dropout", lambda now: min(0.7, now + 0.3), "raise its dropout"),
                builder.part("penalties", "r1", "keep the discriminator smooth near real images"),
                *(builder.option("discriminator", key, lambda now: max(1, now // 2), "give it fewer filters")
                  for key in ("width", "features", "filters")),
            ),
            specific=self.specific,
        )  # fmt: skip


def augmented(history: RunHistory) -> bool:
    """Whether the discriminator sees augmented images."""
    return any(part.name in ("adaptive", "diff-augment") for part in getattr(history.recipe, "views", ()))
