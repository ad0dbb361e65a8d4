"""Level only: the discriminator tells sounds by how loud they are, and by nothing else."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of pairs of a real and a generated sound that are told apart, and the same once both are equally loud.

    Args:
        heard: Share that must be told apart for anything to be said.
        left: Share of what lies above chance that is left at equal levels, below which it is severe.
        looks: Looks over which it must last.
        grace: Share of the run in which the level may be the first that is learned.
    """

    title = "only the level is heard"
    specific = True
    brings = ("clipping", "discriminator-diverges", "silence")
    players = ("discriminator",)
    modalities = ("audio",)
    needs = ("median watch.heard", "median watch.levelled")
    heard: float = 0.8
    left: float = 0.12
    looks: int = 5
    grace: float = 0.15

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        heard, levelled = seen
        if heard < self.heard:
            return None
        left = max(levelled - 0.5, 0.0) / (heard - 0.5)
        return self.found(
            history,
            self.left / max(left, self.left / 2),
            f"It tells {heard:.0%} of pairs apart, but {levelled:.0%} once they are equally loud: {left:.0%} of what "
            f"it hears is left (limit {self.left:.0%}).",
            "How loud a sound is suffices to tell real from generated ones, so nothing is learned of what they are.",
            ("pairs told apart", "watch.heard", None),
            ("pairs told apart at equal levels", "watch.levelled", None),
            remedies=lambda builder: (
                advice("let networks see quiet parts as well as loud ones: belamy train sounds"),
                slower(builder, "discriminator"),
                advice("bring recordings to one level: --modality audio:normalise=true"),
            ),
        )
