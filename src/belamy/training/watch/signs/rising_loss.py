"""The loss rises: the objective of the method is worse than where it began."""

from __future__ import annotations

from belamy.training.watch.remedies import clipped, larger_batches, slower
from belamy.training.watch.sign import BaseSign, Finding, RunHistory, words


class Sign(BaseSign):
    """How far the objective that the method names has come back from its best, over how far it had fallen.

    Args:
        share: Of the fall, from where it is severe.
        least: Standard errors of a median that the rise must have at least.
        grace: Share of the run in which it may still swing.
    """

    title = "loss rises"
    specific = True
    share: float = 0.75
    least: float = 12.0
    grace: float = 0.1

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        went = history.learned
        if went is None or went.now - went.best <= self.least * went.noise:
            return None
        back = (went.now - went.best) / max(went.first - went.best, self.least * went.noise, 1e-12)
        return self.found(
            history,
            min(back / self.share, 2.0),
            f"The loss was {went.first:.4g} at first, {went.best:.4g} at best and is {went.now:.4g} now "
            f"(limit {went.best + self.share * (went.first - went.best):.4g}).",
            "The steps overshoot: the learning rate is too high.",
            *((words(term), f"losses.{term}", None) for term in history.objective_terms),
            remedies=lambda builder: (slower(builder, "generator"), clipped(builder), larger_batches(builder)),
        )
