"""The generator does not move."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """A step changes the generator's weights by nothing, or by next to nothing, at every look.

    Args:
        moved: Relative change of the weights in a step, below which they stand still.
        looks: Looks over which it must last, from the first on.
    """

    title = "generator frozen"
    specific = True
    players = ("generator",)
    needs = ("max watch.moved.generator",)
    moved: float = 1e-7
    looks: int = 2

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        most = float(max(history.series("watch.moved.generator")[1]))
        if most >= self.moved:
            return None
        optimizer = getattr(history.recipe, "generator_optimizer", None)
        stands = optimizer is not None and optimizer.options.get("lr") == 0
        return self.found(
            history,
            1.5,
            f"A step changes its weights by {most:.1g} of their size at most (limit {self.moved:g}).",
            "Its learning rate is zero." if stands else "No gradient reaches it, or next to none.",
            ("relative change in a step", "watch.moved.generator", self.moved),
            remedies=lambda builder: (
                builder.option("generator_optimizer", "lr", lambda now: max(now, 2e-4), "let the generator learn"),
                None if stands else advice("look for a detach or a no_grad between the generator and its loss"),
            ),
        )
