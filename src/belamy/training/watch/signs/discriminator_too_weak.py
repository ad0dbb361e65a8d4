"""The discriminator is too weak: it cannot tell real from generated images, although they are easily told."""

from __future__ import annotations

from belamy.training.watch.remedies import strengthen_discriminator
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Real images score above generated ones hardly more often than by chance, and few samples look like data.

    Args:
        auc: Probability that a real image scores higher, below which the discriminator is near chance.
        alike: Share of data covered by samples, below which samples are plainly bad.
        looks: Looks over which it must last.
        grace: Share of the run in which a discriminator may still be learning.
    """

    title = "discriminator too weak"
    specific = True
    players = ("discriminator",)
    modalities = ("image",)
    needs = ("median watch.auc", "median watch.coverage")
    auc: float = 0.75
    alike: float = 0.3
    looks: int = 5
    grace: float = 0.15

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        sure, good = seen
        strength = min((1 - sure) / (1 - self.auc), (1 - good) / (1 - self.alike))
        return self.found(
            history,
            min(strength, 2.0),
            f"It tells {sure:.0%} of pairs apart (limit {self.auc:.0%}, chance 50%), and samples cover {good:.0%} of "
            f"the data's places (limit {self.alike:.0%}).",
            "The discriminator learns too slowly or is too small to see what is wrong, so it teaches nothing.",
            ("pairs told apart", "watch.auc", self.auc),
            ("share of the data covered", "watch.coverage", self.alike),
            remedies=strengthen_discriminator,
        )
