"""Soft rows: a critic tells generated texts by their uncertainty alone."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Mean of the greatest probability of each row that the critic is shown, while it tells all texts apart.

    Rows of real texts have a one. Games with a gradient penalty may go on learning, so it is a warning.

    Args:
        certainty: Mean from which rows count as certain.
        auc: Share of pairs that the critic must tell apart.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.
    """

    title = "told by soft rows"
    specific = True
    players = ("discriminator",)
    modalities = ("text",)
    needs = ("median watch.certainty", "median watch.auc")
    certainty: float = 0.8
    auc: float = 0.99
    looks: int = 5
    grace: float = 0.25

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        certainty, auc = seen
        if auc < self.auc:
            return None
        return self.found(
            history,
            (1 - certainty) / (1 - self.certainty),
            f"The likeliest symbol of a generated row has {certainty:.0%} on average (limit {self.certainty:.0%}), "
            f"that of a real one 100%, and {auc:.0%} of pairs are told apart.",
            "The critic need not read: certain rows are real, soft ones are not.",
            ("greatest probability of a row", "watch.certainty", self.certainty),
            ("pairs told apart", "watch.auc", None),
            mild=True,
            remedies=lambda builder: (
                builder.part("views", "straight-through", "show the critic symbols that are drawn"),
                builder.part("views", "gumbel-softmax:temperature=0.5", "show the critic nearly chosen symbols"),
                advice("a language model has no such trouble: belamy train char-lm"),
            ),
        )
