"""Wrong scaling: real and generated images lie in different ranges."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, in_order


class Sign:
    """What the discriminator is shown as real never goes where half of the generator's range lies.

    Args:
        share: Share of the generated images' range that the real images may leave empty at one end.
        looks: Looks over which it must last.
    """

    specific = True

    def __init__(self, *, share: float = 0.3, looks: int = 3) -> None:
        self.share, self.looks = share, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        ends = {f"{kind} {end}": history.recent(f"watch.shown.{kind}.{end}", self.looks)
                for kind in ("real", "fake") for end in ("low", "high")}  # fmt: skip
        if any(not len(values) for values in ends.values()):
            return None
        low, high, fake_low, fake_high = (float(np.median(values)) for values in ends.values())
        empty = max(low - fake_low, fake_high - high, 0.0) / max(fake_high - fake_low, 1e-6)
        return Finding(
            "wrong scaling",
            empty / self.share,
            f"The discriminator is shown real images in [{low:.2g}, {high:.2g}] and generated ones in "
            f"[{fake_low:.2g}, {fake_high:.2g}].",
            "Real and generated images are scaled differently, so the discriminator tells them apart by their range.",
            (
                Evidence.of("lowest real value", history.series("watch.shown.real.low")),
                Evidence.of("lowest generated value", history.series("watch.shown.fake.low")),
            ),
            lambda: in_order(
                RemedyBuilder(history.recipe).field(
                    "real_range", lambda now: "generator", "show real images in the generator's range"
                )
            ),
            specific=self.specific,
        )
