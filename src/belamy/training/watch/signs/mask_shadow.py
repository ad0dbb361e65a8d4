"""Mask shadow: one sees where the hole was."""

from __future__ import annotations

from math import log

from belamy.training.watch.remedies import advice, faster, longer, more
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """By how much pixels on both sides of the edges of holes differ, over the same of the whole pictures.

    References:
        LaMa, issues 78 and 262; edge-connect, issue 80.

    Args:
        factor: From where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which holes are not yet filled.
    """

    title = "mask shadow"
    specific = True
    capabilities = ("Fills",)
    modalities = ("image",)
    needs = ("median watch.translation.jump",)
    factor: float = 1.8
    looks: int = 3
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min(log(max(seen[0], 1.0)) / log(self.factor), 2.0),
            f"Across the edges of holes pixels differ {seen[0]:.1f} times as much as in whole pictures (limit "
            f"{self.factor:g}).",
            cause(history),
            ("jump at edges of holes", "watch.translation.jump", self.factor),
            remedies=lambda builder: (
                builder.field("judged", lambda _: "composed", "judge what is filled in within the known pixels")
                if getattr(history.recipe, "adversarial_weight", 0) else None,
                more(builder, "hole_weight", 6.0, "count errors in holes more"),
                more(builder, "roughness_weight", 0.1, "count what is rough at the edges of holes more"),
                more(builder, "overlap_weight", 10.0, "count errors at the edge of the hole more"),
                faster(builder, "generator"),
                longer(builder),
                advice("shift what is filled in to join what is known: belamy translate RUN … --feather 4"),
            ),
        )  # fmt: skip


def cause(history: RunHistory) -> str:
    """What is known of why holes do not join."""
    recipe = history.recipe
    if getattr(recipe, "hole_weight", 1) == 0:
        return "The errors in holes do not count, so nothing says what is to be there."
    if getattr(recipe, "adversarial_weight", 0) and getattr(recipe, "judged", "") == "made":
        return "The discriminator sees what is made without the known pixels around it, so it cannot see the edge."
    return "What is filled in does not meet the known pixels at the edge."
