"""Nothing is learned: the objective does not fall, or samples stay as far from the data as they were."""

from __future__ import annotations

from belamy.training.watch.finding import Remedy
from belamy.training.watch.remedies import RemedyBuilder, faster, longer
from belamy.training.watch.sign import BaseSign, Finding, RunHistory, words


class Sign(BaseSign):
    """The objective that the method names lies where it began; where it names none, samples cover hardly any of the
    data's places.

    A warning at most, for other signs say why, and what goes on from another run has learned before.

    Args:
        coverage: Share of the data's places below which samples are still far.
        fall: By how many standard errors of a median the objective must have fallen.
        grace: Share of the run after which it is late.
        looks: Looks over which it must last.
    """

    title = "nothing is learned"
    coverage: float = 0.15
    fall: float = 4.0
    grace: float = 0.3
    looks: int = 5

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        if history.objective_terms:
            return self.flat(history)
        covered = history.late("watch.coverage", self.looks)
        if covered is None:
            return None
        return self.found(
            history,
            min(self.coverage / max(covered, 0.01), 1.5),
            f"Samples cover {covered:.0%} of the data's places (limit {self.coverage:.0%}).",
            "Training does not move towards the data.",
            ("share of the data covered", "watch.coverage", self.coverage),
            mild=True,
            remedies=remedies,
        )

    def flat(self, history: RunHistory) -> Finding | None:
        """What the objective says that is to fall."""
        went = history.learned
        if went is None or any(row.get("event") == "start" and row.get("samples") for row in history.events):
            return None
        fallen = (went.first - went.best) / max(went.noise, 1e-12 + 1e-9 * abs(went.first))
        return self.found(
            history,
            min((self.fall / max(fallen, 0.1)) ** 2, 1.5),
            f"The loss began at {went.first:.4g} and was {went.best:.4g} at best: {fallen:.1f} standard errors lower "
            f"(limit {self.fall:g}).",
            "Training does not move towards the data.",
            *((words(term), f"losses.{term}", None) for term in history.objective_terms),
            mild=True,
            remedies=remedies,
        )


def remedies(builder: RemedyBuilder) -> tuple[Remedy | None, ...]:
    """More training, and faster."""
    return longer(builder), faster(builder, "generator", 2)
