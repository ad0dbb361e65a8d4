"""Posterior collapse: most numbers of the code say nothing of the picture."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, longer
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

LEAST = 0.01


class Sign(BaseSign):
    """Share of the code's numbers that are active: whose posterior mean moves from picture to picture.

    A code larger than the data need always has idle numbers; it is when next to none is left that the decoder has
    learned to do without the code.

    References:
        Burda, Grosse & Salakhutdinov 2015, arXiv:1509.00519, section 5, for what is active.

    Args:
        active: Share below which it is severe.
        looks: Rows over which it must last.
        grace: Share of the run in which numbers may still wake.
    """

    title = "posterior collapse"
    specific = True
    players = ("model",)
    needs = ("median losses.model.active",)
    active: float = 0.1
    looks: int = 5
    grace: float = 0.1

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        return self.found(
            history,
            self.active / max(seen[0], LEAST),
            f"{seen[0]:.0%} of the code's numbers differ from picture to picture (limit {self.active:.0%}); the others "
            "are noise to the decoder.",
            "The Kullback-Leibler term is cheaper to be rid of than to pay for: the decoder makes the mean picture, "
            "whatever the code.",
            ("share of active numbers", "losses.model.active", self.active),
            remedies=lambda builder: (
                builder.field("beta", lambda now: now / 4, "let the code cost less"),
                builder.field("warm_up", lambda now: max(now, 0.3), "let the code's cost rise from 0"),
                builder.field("latent", lambda now: max(2, now // 4), "a smaller code, if it is larger than need be"),
                longer(builder),
                advice("check that pictures differ, and begin anew with a lower learning rate"),
            ),
        )
