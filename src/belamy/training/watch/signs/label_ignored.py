"""The label is ignored: whatever class is asked for, the images are the same."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, advice, in_order


class Sign:
    """Samples asked for by class are taken for that class, by the independent eye, hardly more often than by chance.

    Only where the recipe conditions on labels and the eye itself can tell the classes of held-out images.

    Args:
        share: Of the way from chance to the eye's own accuracy, below which labels have no effect.
        looks: Looks that are averaged.
        grace: Share of the run in which images may still be unrecognisable.
    """

    specific = True

    def __init__(self, *, share: float = 0.15, looks: int = 5, grace: float = 0.2) -> None:
        self.share, self.looks, self.grace = share, looks, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        told, possible = history.recent("watch.fidelity", self.looks), history.late("watch.fidelity_limit", 1)
        classes = history.histograms("watch.classes")
        if (
            not len(told)
            or not classes
            or possible is None
            or not conditional(history)
            or history.progress < self.grace
        ):
            return None
        chance = 1 / len(classes[-1][1])
        if possible < chance + 0.2:
            return None
        mean = float(np.mean(told))
        way = (mean - chance) / (possible - chance)
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "label ignored",
            (1 - way) / (1 - self.share),
            f"{mean:.0%} of the samples are of the class that was asked for (chance {chance:.0%}, "
            f"images of the data {possible:.0%}).",
            "The labels that the generator is told are not those that the discriminator checks, or nobody checks them.",
            (Evidence.of("share of the class asked for", history.series("watch.fidelity"), possible),),
            lambda: in_order(
                advice("check that images and labels belong together: belamy data"),
                builder.field("auxiliary", lambda now: now or 0.3, "let the discriminator learn the classes (AC-GAN)"),
                builder.part("discriminator_condition", "projection", "tell the discriminator the class"),
                builder.part("generator_condition", "batch-norm", "tell the generator the class in every layer"),
            ),
            specific=self.specific,
        )


def conditional(history: RunHistory) -> bool:
    """Whether the recipe tells labels to a player, or has them learned."""
    recipe = history.recipe.model_dump(mode="json")
    told = [recipe.get(f"{player}_condition", "unconditional") != "unconditional" for player in
            ("generator", "discriminator")]  # fmt: skip
    return any(told) or bool(recipe.get("auxiliary"))
