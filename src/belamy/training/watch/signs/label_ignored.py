"""The label is ignored: whatever class is asked for, the images are the same."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Samples asked for by class are taken for that class, by an independent classifier, hardly above chance.

    Only where the recipe conditions on labels and the classifier itself can tell the classes of held-out images. Chance
    is that of samples whose classes come as often as these do: of few classes, or unequal ones, it is high.

    Args:
        share: Of the way from chance to the classifier's own accuracy, below which labels have no effect.
        looks: Looks that are averaged.
        grace: Share of the run in which images may still be unrecognisable.
    """

    title = "label ignored"
    specific = True
    capabilities = ("Samples",)
    modalities = ("image",)
    needs = ("mean watch.fidelity", "last watch.fidelity_limit")
    share: float = 0.15
    looks: int = 3
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        mean, possible = seen
        classes = history.histograms("watch.classes")
        told, checked = conditions(history)
        if not classes or not (told or checked):
            return None
        by_chance = history.recent("watch.fidelity_chance", self.looks)
        chance = float(by_chance.mean()) if len(by_chance) else 1 / len(classes[-1])
        if possible < chance + 0.2:
            return None
        way = (mean - chance) / (possible - chance)
        if not told:
            cause = "Nobody tells the generator the label."
        elif not checked:
            cause = "The generator is told the label, but nobody checks what it makes of it."
        else:
            cause = "The labels that the generator is told may not be those that the discriminator checks."
        return self.found(
            history,
            (1 - way) / (1 - self.share),
            f"{mean:.0%} of the samples are of the class that was asked for (chance {chance:.0%}, images of the data "
            f"{possible:.0%}, limit {chance + self.share * (possible - chance):.0%}).",
            cause,
            ("share of the class asked for", "watch.fidelity", possible),
            remedies=lambda builder: (
                advice("check that images and labels belong together: belamy data") if told and checked else None,
                builder.part("discriminator_condition", "projection", "tell the discriminator the class"),
                builder.field("auxiliary", lambda now: now or 0.3, "let the discriminator learn the classes (AC-GAN)")
                if told else None,
                builder.part("generator_condition", "batch-norm", "tell the generator the class in every layer"),
            ),
        )  # fmt: skip


def conditions(history: RunHistory) -> tuple[bool, bool]:
    """Whether the generator is told the label, and whether the discriminator is or learns it."""
    recipe = history.recipe.model_dump(mode="json")
    told, known = (
        recipe.get(f"{player}_condition", "unconditional") != "unconditional"
        for player in ("generator", "discriminator")
    )
    return told, known or bool(recipe.get("auxiliary"))
