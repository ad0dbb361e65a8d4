"""Class ratios copied: translations show classes as often as the second side does, not as their inputs do."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import advice, less, more
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """How far the shares of classes have moved from those of the inputs to those of the second side.

    Only where both sides have the same classes with other shares, and an independent classifier of the second side
    tells its classes. Translations must have lost the classes of their inputs, too.

    References:
        CUT, issue 25: ratios of the target are copied, and things are made up.

    Args:
        way: Share of the way from the ratios of the inputs to those of the second side, from where it is severe.
        different: By how much shares must differ in all for anything to be said.
        accuracy: Of the classifier, below which it is not asked.
        looks: Looks that are added up.
        grace: Share of the run in which translations may still be unrecognisable.
    """

    title = "class ratios copied"
    specific = True
    capabilities = ("Translates",)
    modalities = ("image",)
    needs = ("mean watch.translation.classes_kept", "last watch.translation.classes_limit")
    way: float = 0.6
    different: float = 0.25
    accuracy: float = 0.7
    looks: int = 3
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        kept, possible = seen
        counts = (history.histograms(f"watch.translation.classes_{which}") for which in ("given", "made"))
        given, made = (shares(each[-self.looks :]) for each in counts)
        there = history.histograms("watch.translation.classes_there")
        if given is None or made is None or not there or possible < self.accuracy:
            return None
        step = there[-1] - given
        if np.abs(step).sum() / 2 < self.different:
            return None
        way = float((made - given) @ step / (step @ step))
        by_chance = float(given @ there[-1])
        lost = (possible - kept) / max(possible - by_chance, 1e-6)
        return self.found(
            history,
            min(way / self.way, lost / self.way, 2.0),
            f"The shares of classes have gone {way:.0%} of the way from the inputs' to those of the second side "
            f"(limit {self.way:.0%}); {kept:.0%} of translations keep the class of their input (pictures of the side "
            f"are told with {possible:.0%}).",
            "The discriminator sees which classes are frequent on the second side, and a translation that shows those "
            "passes more easily than one that keeps its own.",
            ("translations that keep their class", "watch.translation.classes_kept", possible),
            remedies=lambda builder: (
                more(builder, "semantic_weight", 1.0, "hold translations to the classes of their inputs"),
                more(builder, "contrast_weight", 1.0, "tie places of translations to those of their inputs"),
                more(builder, "cycle_weight", 10.0, "tie translations to their inputs by a stronger cycle"),
                less(builder, "adversarial_weight", "count what the discriminator says less"),
                advice("give both sides the same shares of classes"),
            ),
        )


def shares(counts: list[np.ndarray]) -> np.ndarray | None:
    """Shares of classes from counts of several looks; None without any."""
    total = np.sum(counts, axis=0) if counts else np.zeros(1)
    return total / total.sum() if total.sum() else None
