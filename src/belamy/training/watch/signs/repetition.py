"""Repetition: texts say the same again and again."""

from __future__ import annotations

from belamy.training.watch.remedies import advice, larger_batches, longer
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Share of three characters (of two words) in a row that stood before in the same text, beyond that of the data, at
    all but one of the last looks.

    Args:
        share: That excess from which it is severe.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.
    """

    title = "texts repeat themselves"
    capabilities = ("Samples",)
    modalities = ("text",)
    needs = ("median watch.repeats", "median watch.repeats_data")
    share: float = 0.25
    looks: int = 4
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        made, data = sorted(history.recent("watch.repeats", self.looks))[1], seen[1]
        return self.found(
            history,
            (made - data) / self.share,
            f"{made:.0%} of what a text says stood in it before, of the data {data:.0%} (limit {self.share:.0%} more).",
            "A few symbols that pass are written at every place.",
            ("share that stood before", "watch.repeats", None),
            remedies=lambda builder: (
                larger_batches(builder),
                builder.part("views", "straight-through", "show the critic symbols that are drawn"),
                longer(builder),
                advice("look at texts that are drawn: belamy sample RUN --temperature 1"),
            ),
        )
