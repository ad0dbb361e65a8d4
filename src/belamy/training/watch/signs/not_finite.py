"""NaN or infinity has come, or is about to: some layer's output or some weights grow without bound."""

from __future__ import annotations

from math import log

import numpy as np

from belamy.training.watch.remedies import calm
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """Training stopped at NaN, or the loudest layer and the weights grow by orders of magnitude.

    An output that is still small has grown from nearly nothing, which is learning. Of a method whose objective falls
    and stays low, growing numbers are what it has learned, and nothing is said.

    Args:
        growth: Factor over the first look, of activations or weights, from where it is severe.
        loud: Root mean square of a layer's output, below which its growth is no danger.
        looks: Looks over which it must last.
    """

    title = "numbers explode"
    specific = True
    growth: float = 100.0
    loud: float = 100.0
    looks: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        stopped = next((row for row in reversed(history.events) if row.get("event") == "not-finite"), None)
        factor, name = self.fastest(history)
        layer = history.words("watch.loudest") or ""
        if stopped is not None:
            strength, says = 3.0, f"Training stopped: {stopped.get('reason', 'a number was not finite')}."
            player = "generator" if "generator" in says.partition(";")[0] else "discriminator"
        elif factor > 1 and not history.thrives:
            strength, player = min(log(factor) / log(self.growth), 2.5), layer.partition(".")[0]
            where = f" The loudest layer is {layer}." if layer else ""
            says = f"The {name} are {factor:,.0f} times what they were (limit {self.growth:,.0f}).{where}"
        else:
            return None
        return self.found(
            history,
            strength,
            says,
            "A player's steps are so large that each makes the next one larger.",
            ("output of the loudest layer", "watch.activations", None),
            title="not finite" if stopped is not None else None,
            remedies=lambda builder: calm(builder, player),
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
            if name == "watch.activations" and recent < self.loud:
                continue
            found.append((float(recent / max(first, 1e-12)) if np.isfinite(recent) else 1e9, words))
        return max(found)
