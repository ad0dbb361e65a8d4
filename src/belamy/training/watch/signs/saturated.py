"""Saturated samples: pixels stick to the ends of the range."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, in_order, slower


class Sign:
    """Share of pixels at the ends of [-1, 1] in samples, beyond that in real images.

    Args:
        excess: Difference from where it is severe.
        looks: Looks over which it must last.
    """

    specific = False

    def __init__(self, *, excess: float = 0.3, looks: int = 4) -> None:
        self.excess, self.looks = excess, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        made, real = (history.recent(f"watch.shown.{kind}.saturated", self.looks) for kind in ("fake", "real"))
        low = history.late("watch.shown.real.low", self.looks)
        if not len(made) or not len(real) or low is None or low > -0.5:
            return None
        excess = float(np.median(made) - np.median(real))
        builder = RemedyBuilder(history.recipe)
        return Finding(
            "saturated samples",
            min(excess / self.excess, 2.0),
            f"{float(np.median(made)):.0%} of the samples' pixels are at an end of the range, of real ones "
            f"{float(np.median(real)):.0%}.",
            "The generator's last layer is driven into the flat ends of its activation, where no gradient comes back.",
            (Evidence.of("share at the ends", history.series("watch.shown.fake.saturated")),),
            lambda: in_order(
                slower(builder, "generator"),
                builder.field("clip_norm", lambda now: (now or 2.0) / 2, "cut the largest gradients"),
            ),
        )
