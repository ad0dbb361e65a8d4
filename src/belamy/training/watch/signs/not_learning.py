"""Nothing is learned: samples stay as far from the data as they were."""

from __future__ import annotations

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, in_order


class Sign:
    """Samples cover hardly any of the data's places, no more than before.

    A warning at most, for other signs say why.

    Args:
        coverage: Share of the data's places below which samples are still far.
        grace: Share of the run after which it is late.
        looks: Looks over which it must last.
    """

    specific = False

    def __init__(self, *, coverage: float = 0.15, grace: float = 0.3, looks: int = 5) -> None:
        self.coverage, self.grace, self.looks = coverage, grace, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        covered = history.late("watch.coverage", self.looks)
        if covered is None or history.progress < self.grace:
            return None
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "nothing is learned",
            min(0.7 * self.coverage / max(covered, 0.01), 0.9),
            f"Samples cover {covered:.0%} of the data's places (limit {self.coverage:.0%}).",
            "The game does not move towards the data.",
            (Evidence.of("share of the data covered", history.series("watch.coverage"), self.coverage),),
            lambda: in_order(
                builder.field("train_samples", lambda now: now * 2, "train longer"),
                builder.option("generator_optimizer", "lr", lambda now: now * 2, "let the generator learn faster"),
            ),
        )
