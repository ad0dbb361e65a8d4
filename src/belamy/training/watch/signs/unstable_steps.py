"""Unstable steps: a player's steps are large against its weights."""

from __future__ import annotations

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import calm


class Sign:
    """Root mean square of a step's change over that of the weights; with Adam usually 0.001 to 0.02.

    Args:
        generator: From where it is severe for the generator.
        discriminator: The same for the discriminator, whose first steps are larger.
        looks: Looks over which it must last.
    """

    specific = True

    def __init__(self, *, generator: float = 0.035, discriminator: float = 0.15, looks: int = 3) -> None:
        self.limits, self.looks = {"generator": generator, "discriminator": discriminator}, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        found = []
        for player, limit in self.limits.items():
            moved = history.late(f"watch.moved.{player}", self.looks)
            if moved is not None:
                found.append((moved / limit, player, moved))
        if not found:
            return None
        strength, player, moved = max(found)
        return Finding(
            "steps too large",
            min(strength, 2.0),
            f"A step changes the weights of the {player} by {moved:.1%} of their size (limit "
            f"{self.limits[player]:.1%}).",
            f"The learning rate of the {player} is too high: it forgets in a few steps what it has learned.",
            (
                Evidence.of(
                    f"change of the {player} in a step", history.series(f"watch.moved.{player}"), self.limits[player]
                ),
            ),
            lambda: calm(history.recipe, player),
            specific=self.specific,
        )
