"""Unstable steps: a player's steps are large against its weights."""

from __future__ import annotations

from belamy.training.watch.remedies import slower, smoother
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Root mean square of a step's change over that of the weights; with Adam usually 0.001 to 0.02.

    Args:
        generator: From where it is severe for the generator.
        discriminator: The same for the discriminator, whose first steps are larger.
        looks: Looks over which it must last.
    """

    title = "steps too large"
    specific = True
    generator: float = 0.035
    discriminator: float = 0.15
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        limits = {"generator": self.generator, "discriminator": self.discriminator}
        moved = {player: history.late(f"watch.moved.{player}", self.looks) for player in limits}
        found = [(share / limits[player], player, share) for player, share in moved.items() if share is not None]
        if not found:
            return None
        strength, player, share = max(found)
        return self.found(
            history,
            min(strength, 2.0),
            f"A step changes the weights of the {player} by {share:.1%} of their size (limit {limits[player]:.1%}).",
            f"The learning rate of the {player} is too high: it forgets in a few steps what it has learned.",
            (f"change of the {player} in a step", f"watch.moved.{player}", limits[player]),
            remedies=lambda builder: (smoother(builder), slower(builder, player, 10)),
        )
