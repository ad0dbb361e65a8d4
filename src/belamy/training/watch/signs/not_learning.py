"""Nothing is learned: samples stay as far from the data as they were."""

from __future__ import annotations

from belamy.training.watch.remedies import faster, longer
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Samples cover hardly any of the data's places, no more than before.

    A warning at most, for other signs say why.

    Args:
        coverage: Share of the data's places below which samples are still far.
        grace: Share of the run after which it is late.
        looks: Looks over which it must last.
    """

    title = "nothing is learned"
    needs = ("median watch.coverage",)
    coverage: float = 0.15
    grace: float = 0.3
    looks: int = 5

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        covered = seen[0]
        return self.found(
            history,
            min(self.coverage / max(covered, 0.01), 1.5),
            f"Samples cover {covered:.0%} of the data's places (limit {self.coverage:.0%}).",
            "Training does not move towards the data.",
            ("share of the data covered", "watch.coverage", self.coverage),
            mild=True,
            remedies=lambda builder: (
                longer(builder),
                faster(builder, "generator", 2),
            ),
        )
