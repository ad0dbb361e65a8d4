"""The data are not shuffled: batches hold far fewer classes than chance would give them."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import advice


class Sign:
    """Distinct classes in the batches that are learned from, over those expected of a random batch.

    Args:
        share: That ratio, below which the order is no accident.
        looks: Looks over which it must last.
    """

    specific = True

    def __init__(self, *, share: float = 0.6, looks: int = 3) -> None:
        self.share, self.looks = share, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        held, expected = (history.recent(f"watch.batch.{name}", self.looks) for name in ("classes", "expected"))
        if not len(held) or not len(expected) or float(expected[-1]) < 2:
            return None
        share = float(np.median(held / expected))
        series = history.series("watch.batch.classes")
        return Finding(
            "data not shuffled",
            (1 - share) / (1 - self.share),
            f"A batch holds {float(np.median(held)):.0f} classes where chance gives {float(expected[-1]):.1f}.",
            "The images come class by class, so the discriminator forgets the other classes and the generator follows.",
            (Evidence.of("classes in a batch", series, self.share * float(expected[-1])),),
            lambda: (
                advice("shuffle the images: give belamy the files as they are, it draws a new order for each pass"),
            ),
            specific=self.specific,
        )
