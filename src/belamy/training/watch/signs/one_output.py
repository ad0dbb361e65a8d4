"""One output for all inputs: whatever is given, the same comes of it."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import advice, longer, more, slower
from belamy.training.watch.sign import EASED, BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """By how much a pixel differs from translation to translation, over the same of pictures of the target.

    Of what fills holes only pixels in holes count. While the ratio grows, it is no failure yet: outputs that have only
    begun to differ come farther than they were in the first half of the looks so far, those of a network that does not
    hear its input, or that fell on one picture, do not.

    References:
        img2img-turbo, issue 82.

    Args:
        variety: That ratio, below which it is severe.
        growing: How many times its median over the first half it must be to count as growing.
        least: What is smaller does not count as growing.
        looks: Looks over which it must last.
        grace: Share of the run in which the mean picture may still be learned.
    """

    title = "one output for all"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("max watch.translation.variety",)
    variety: float = 0.12
    growing: float = 1.3
    least: float = 0.01
    looks: int = 3
    grace: float = 0.2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        looks = history.series("watch.translation.variety")[1]
        before = looks[: len(looks) // 2]
        grows = seen[0] >= self.least and len(before) > 0 and seen[0] > self.growing * np.median(before)
        return self.found(
            history,
            (1 - seen[0]) / (1 - self.variety) * (EASED if grows else 1.0),
            f"Translations differ {seen[0]:.1%} as much from each other as pictures of the target do (limit "
            f"{self.variety:.0%}).{' That is growing.' if grows else ''}",
            cause(history),
            ("variety against the target's", "watch.translation.variety", self.variety),
            remedies=lambda builder: (
                more(builder, "cycle_weight", 10.0, "tie translations to their inputs by a stronger cycle"),
                more(builder, "contrast_weight", 1.0, "tie places of translations to those of their inputs"),
                more(builder, "reconstruction_weight", 10.0, "count the distance from the target more"),
                more(builder, "matching_weight", 10.0, "match what the discriminator sees of the target"),
                slower(builder, "generator"),
                longer(builder),
                advice("check that inputs differ, and that each stands beside its own target: belamy data"),
            ),
        )


def cause(history: RunHistory) -> str:
    """What is known of why inputs do not matter."""
    ties = [name for name in ("cycle_weight", "contrast_weight") if hasattr(history.recipe, name)]
    if ties and not any(getattr(history.recipe, name) for name in ties):
        return "No loss ties a translation to its input: any picture that passes will do."
    if ties:
        return "Few pictures that pass have been found, and what ties translations to inputs is too weak."
    return "The input is not heard: what is made is the mean of the targets, or one picture that passes."
