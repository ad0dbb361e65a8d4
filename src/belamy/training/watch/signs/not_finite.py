"""NaN or infinity has come, or is about to: some layer's output or some weights grow without bound."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import calm


class Sign:
    """Training stopped at NaN, or the loudest layer and the weights grow by orders of magnitude.

    Args:
        growth: Factor over the first look, of activations or weights, from where it is severe.
        looks: Looks over which it must last.
    """

    specific = True

    def __init__(self, *, growth: float = 100.0, looks: int = 3) -> None:
        self.growth, self.looks = growth, looks

    def __call__(self, history: RunHistory) -> Finding | None:
        stopped = next((row for row in reversed(history.events) if row.get("event") == "not-finite"), None)
        factor, name = self.fastest(history)
        layer = history.words("watch.loudest")
        player = "generator" if (layer or "").startswith("generator") else "discriminator"
        if stopped is not None:
            strength, says = 3.0, f"Training stopped: {stopped.get('reason', 'a number was not finite')}."
            player = "generator" if "generator" in says.partition(";")[0] else "discriminator"
        elif factor > 1:
            strength = min(log(factor) / log(self.growth), 2.5)
            where = f" The loudest layer is {layer}." if layer else ""
            says = f"The {name} are {factor:,.0f} times what they were (limit {self.growth:,.0f}).{where}"
        else:
            return None
        return Finding(
            "not finite" if stopped is not None else "numbers explode",
            strength,
            says,
            "A player's steps are so large that each makes the next one larger.",
            (Evidence.of("output of the loudest layer", history.series("watch.activations")),),
            lambda: calm(history.recipe, player),
            specific=self.specific,
        )

    def fastest(self, history: RunHistory) -> tuple[float, str]:
        """The largest growth, and what grew."""
        names = {name: f"weights of the {name.rpartition('.')[2]}" for name in history.names("watch.weights.")}
        found = [(1.0, "numbers")]
        for name, words in {"watch.activations": "activations", **names}.items():
            values = history.series(name)[1]
            if len(values) <= self.looks:
                continue
            recent, first = np.min(values[-self.looks :]), values[0]
            found.append((float(recent / max(first, 1e-12)) if np.isfinite(recent) else 1e9, words))
        return max(found)
