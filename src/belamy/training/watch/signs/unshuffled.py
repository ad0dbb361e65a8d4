"""The data are not shuffled: batches hold far fewer classes than chance would give them."""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Distinct classes in the batches that are learned from, over those expected of a random batch.

    Args:
        share: That ratio, below which the order is no accident.
        looks: Looks over which it must last.
    """

    title = "data not shuffled"
    specific = True
    needs = ("mean watch.batch.classes", "mean watch.batch.expected")
    share: float = 0.6
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        held, due = seen
        if due < 2:
            return None
        return self.found(
            history,
            (1 - held / due) / (1 - self.share),
            f"A batch holds {held:.1f} classes where chance gives {due:.1f} (limit {self.share * due:.1f}).",
            "The images come class by class, so what was learned of the other classes is forgotten.",
            ("classes in a batch", "watch.batch.classes", self.share * due),
            remedies=lambda _: (
                advice("shuffle the images: give belamy the files as they are, it draws a new order for each pass"),
            ),
        )
