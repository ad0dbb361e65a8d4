"""Mode drop: whole kinds of images are never generated, though those that are may be good."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import more_variety
from belamy.training.watch.sign import EASED, RISING, BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Classes of the data that are found in hardly any sample; without classes, places of the data left empty.

    A likelihood punishes what is missing, so of methods without an adversary this is a warning at most: their samples
    are rather too blurred to be found where they belong.

    Args:
        missing: Share of the classes that must be all but absent.
        rare: Share of its due, below which a class is all but absent.
        coverage: Share of the data's places that must be met, by samples that look like data.
        alike: Share of samples that must look like data, for without them nothing is dropped but all is bad.
        looks: Looks that are taken together.
        grace: Share of the run in which a generator may still be one-sided.
    """

    title = "mode drop"
    capabilities = ("Samples",)
    modalities = ("image",)
    needs = ("median watch.coverage", "median watch.precision")
    missing: float = 0.3
    rare: float = 0.15
    coverage: float = 0.4
    alike: float = 0.1
    looks: int = 6
    grace: float = 0.12

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        covered, alike = seen
        if alike < self.alike:
            return None
        rising = history.rise("watch.coverage", self.looks // 2) > RISING
        strength = (1 - covered) / (1 - self.coverage)
        says = f"Samples cover {covered:.0%} of the data's places (limit {self.coverage:.0%})."
        absent = self.absent(history)
        if absent is not None and absent / self.missing > strength:
            strength = absent / self.missing
            says = f"{absent:.0%} of the classes are all but absent among the last samples (limit {self.missing:.0%})."
        return self.found(
            history,
            min(strength * (EASED if rising else 1.0), 3.0),
            f"{says}{' More are met from look to look.' if rising else ''}",
            "The generator has given up parts of the data: the discriminator does not punish what is missing."
            if history.adversarial else "Samples are drawn from codes that stand for a part of the data only.",
            ("share of the data covered", "watch.coverage", self.coverage),
            remedies=more_variety,
            mild=not history.adversarial,
        )  # fmt: skip

    def absent(self, history: RunHistory) -> float | None:
        """Share of the classes that are all but absent; None without classes or with too few samples to say."""
        told = history.histograms("watch.classes")[-self.looks :]
        if len(told) < self.looks:
            return None
        counts = np.sum(told, axis=0)
        due = counts.sum() / len(counts)
        return float(np.mean(counts < self.rare * due)) if due >= 8 else None
