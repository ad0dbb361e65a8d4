"""The discriminator memorises: it scores the images it learns from above others of the same kind."""

from __future__ import annotations

from belamy.training.watch.remedies import augmentation, more_dropout, smoother
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
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

    title = "discriminator memorises"
    specific = True
    players = ("discriminator",)
    needs = ("mean watch.auc_held",)
    auc: float = 0.75
    looks: int = 4
    few: int = 500
    passes: int = 50

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        mean, few = seen[0], 0 < history.train <= self.few and not augmented(history)
        passes = history.samples / history.train if few else 0.0
        strength = (mean - 0.5) / (self.auc - 0.5)
        says = f"A training image scores above one held out in {mean:.0%} of pairs (limit {self.auc:.0%}, chance 50%)."
        cause = "It learns its images by heart and no longer tells what they share."
        if passes >= self.passes:
            says += f" The {history.train:,} images have been seen {passes:,.0f} times (limit {self.passes})."
            cause = f"The data are few for this discriminator: {cause[0].lower()}{cause[1:]}"
        return self.found(
            history,
            max(strength, passes / self.passes if passes >= self.passes else 0.0),
            says,
            cause,
            ("training above held-out", "watch.auc_held", self.auc),
            mild=strength < 1,
            remedies=lambda builder: (augmentation(builder), smoother(builder), more_dropout(builder)),
        )


def augmented(history: RunHistory) -> bool:
    """Whether the discriminator sees augmented images."""
    return any(part.name in ("adaptive", "diff-augment") for part in getattr(history.recipe, "views", ()))
