"""An average that is too slow: the weights that are sampled from lag far behind those that learn."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

FEWEST = 4
"""Looks from which it is told."""


class Sign(BaseSign):
    """How long ago the weights as they are had the held-out loss that their averages have now, over the samples seen.

    An average with a half-life of a tenth of the samples is some 14 % old.

    Args:
        age: That share, from where it is severe.
        looks: Looks over which it must last.
        grace: Share of the run before which it says nothing.
    """

    title = "average too slow"
    specific = True
    age: float = 0.5
    looks: int = 2
    grace: float = 0.1

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        names = [name.rpartition(".")[2] for name in history.names("watch.live.")]
        name = next((each for each in ("loss", *names) if each in names), "")
        samples, live = history.series(f"watch.live.{name}")
        averaged = history.series(f"watch.held.{name}")[1]
        if len(live) < FEWEST or len(live) != len(averaged) or not np.isfinite(live).all():
            return None
        ends = range(len(live) - self.looks, len(live))
        old = min(float(1 - met(samples[: end + 1], live[: end + 1], averaged[end]) / samples[end]) for end in ends)
        return self.found(
            history,
            min(old / self.age, 2.0),
            f"The held-out {name} is {averaged[-1]:.4g} with averaged weights and {live[-1]:.4g} with the last ones, "
            f"which were no better {old:.0%} of the run ago (limit {self.age:.0%}).",
            "Samples are drawn with averages over weights that are long outdated.",
            (f"{name}, averaged weights", f"watch.held.{name}", None),
            (f"{name}, last weights", f"watch.live.{name}", None),
            remedies=lambda builder: (
                builder.field("ema_half_life", lambda now: now // 4, "forget older weights sooner"),
                advice("train longer, or sample from the weights as they are: --ema-half-life 0"),
            ),
        )


def met(samples: np.ndarray, losses: np.ndarray, loss: float) -> float:
    """After how many samples a falling loss was last no better than ``loss``, between its points in a straight line.

    Example:
        >>> met(np.array([10.0, 20.0, 30.0]), np.array([3.0, 2.0, 1.0]), 1.5)
        25.0
    """
    worse = np.flatnonzero(losses >= loss)
    if not len(worse):
        return 0.0
    last = int(worse[-1])
    if last == len(losses) - 1:
        return float(samples[-1])
    step = (losses[last] - loss) / (losses[last] - losses[last + 1])
    return float(samples[last] + step * (samples[last + 1] - samples[last]))
