"""The generator does not move."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, advice, in_order


class Sign:
    """A step changes the generator's weights by nothing, or by next to nothing, at every look.

    Args:
        moved: Relative change of the weights in a step, below which they stand still.
        looks: Looks over which it must last, from the first on.
    """

    specific = True

    def __init__(self, *, moved: float = 1e-7, looks: int = 2) -> None:
        self.moved, self.looks = moved, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        moved = history.series("watch.moved.generator")[1]
        if len(moved) < self.looks or float(np.max(moved)) >= self.moved:
            return None
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "generator frozen",
            1.5,
            f"A step changes its weights by {float(np.max(moved)):.1g} of their size at most (limit {self.moved:g}).",
            "The generator receives no gradient, or its learning rate is zero.",
            (Evidence.of("relative change in a step", history.series("watch.moved.generator"), self.moved),),
            lambda: in_order(
                builder.option("generator_optimizer", "lr", lambda now: max(now, 2e-4), "let the generator learn"),
                advice("look for a detach or a no_grad between the generator and its loss"),
            ),
            specific=self.specific,
        )
