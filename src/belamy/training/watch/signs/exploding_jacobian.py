"""Exploding Jacobian: a flow stretches volumes without end."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, clipped, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """The largest logarithm of the Jacobian's determinant of held-out data, over their values, whatever its sign.

    Pictures of 8 bits, with noise of a level, want no more than about 6 nats: their density cannot be higher. Without
    that noise, and for numbers that take few values, the density of the data is infinite, and so is what is learned.

    Args:
        nats: Of each value, from where it is severe.
        looks: Looks over which it must last.
    """

    title = "exploding Jacobian"
    specific = True
    capabilities = ("Inverts",)
    needs = ("median watch.inverted.stretch",)
    nats: float = 8.0
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            min((seen[0] / self.nats) ** 2, 2.0),
            f"ln |det J| is up to {seen[0]:.2f} nats for each value (limit {self.nats:g}).",
            "Scales grow step by step: the learning rate is too high, or the data are so thin in some direction (few "
            "values, no noise, columns that follow from others) that no density of them has a bound.",
            ("ln |det J| for each value", "watch.inverted.stretch", self.nats),
            remedies=lambda builder: (
                slower(builder, "model"),
                clipped(builder),
                builder.option("network", "affine", lambda now: False, "couplings that shift and do not scale"),
                advice("see whether numbers of the data take few values, or follow from others: belamy data"),
            ),
        )
