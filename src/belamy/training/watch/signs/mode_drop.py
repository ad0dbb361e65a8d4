"""Mode drop: whole kinds of images are never generated, though those that are may be good."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import EASED, RISING, Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import more_variety


class Sign:
    """Classes of the data that the eye finds in hardly any sample; without classes, places of the data left empty.

    Args:
        missing: Share of the classes that must be all but absent.
        rare: Share of its due, below which a class is all but absent.
        coverage: Share of the data's places that must be met, by samples that look like data.
        alike: Share of samples that must look like data, for without them nothing is dropped but all is bad.
        looks: Looks that are taken together.
        grace: Share of the run in which a generator may still be one-sided.
    """

    specific = False

    def __init__(
        self, *, missing: float = 0.3, rare: float = 0.15, coverage: float = 0.4, alike: float = 0.1, looks: int = 6,
        grace: float = 0.12,
    ) -> None:  # fmt: skip
        self.alike = alike
        self.missing, self.rare, self.coverage, self.looks, self.grace = missing, rare, coverage, looks, grace

    def __call__(self, history: RunHistory) -> Finding | None:
        covered, alike = (history.late(f"watch.{name}", self.looks) for name in ("coverage", "precision"))
        if covered is None or alike is None or alike < self.alike or history.progress < self.grace:
            return None
        eased = EASED if history.rise("watch.coverage", self.looks // 2) > RISING else 1.0
        strength = eased * (1 - covered) / (1 - self.coverage)
        says = f"Samples cover {covered:.0%} of the data's places (limit {self.coverage:.0%})."
        absent = self.absent(history)
        if absent is not None and eased * absent / self.missing > strength:
            strength = eased * absent / self.missing
            says = f"{absent:.0%} of the classes are all but absent among the last samples (limit {self.missing:.0%})."
        return Finding(
            "mode drop",
            min(strength, 3.0),
            says,
            "The generator has given up parts of the data: the discriminator does not punish what is missing.",
            (Evidence.of("share of the data covered", history.series("watch.coverage"), self.coverage),),
            lambda: more_variety(history.recipe),
        )

    def absent(self, history: RunHistory) -> float | None:
        """Share of the classes that are all but absent; None without classes or with too few samples to say."""
        told = [counts for _, counts in history.histograms("watch.classes")[-self.looks :]]
        if len(told) < self.looks:
            return None
        counts = np.sum(told, axis=0)
        due = counts.sum() / len(counts)
        return float(np.mean(counts < self.rare * due)) if due >= 8 else None
