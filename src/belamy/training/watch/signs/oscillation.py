"""Oscillation: the players chase each other in circles."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import pairing, smoother
from belamy.training.watch.sign import RISING, BaseSign, Finding, RunHistory

ROWS, SHORTEST = 80, 5


class Sign(BaseSign):
    """The autocorrelation of the scores comes back to a high value after a dip: there is a period.

    The course of the mean scores over the last half of the rows, its trend removed; the peak after the first zero
    crossing, at a lag of at least 5 rows and at most a fifth of them.

    A warning at most while samples cover the data or come nearer, for players of healthy games swing as well.

    Args:
        peak: Autocorrelation at the period from which it is an oscillation.
        share: Standard deviation of the scores over time against that between images, below which it is harmless.
        coverage: Share of the data's places that samples meet, from which it does no harm.
    """

    title = "oscillation"
    players = ("discriminator",)
    peak: float = 0.6
    share: float = 1.0
    coverage: float = 0.5

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        best: tuple[float, float, str] | None = None
        for name in ("losses.discriminator.real", "losses.discriminator.fake"):
            samples, values = history.series(name)
            if len(values) < ROWS or not np.isfinite(values).all():
                continue
            recent = slice(len(values) // 2, None)
            height, lag = period(values[recent])
            sd = history.late("watch.scores.real.sd", 3)
            swing = float(values[recent].std()) / sd if sd else 1.0
            if lag and swing >= self.share and (best is None or height > best[0]):
                best = height, lag * float(np.median(np.diff(samples))), name
        if best is None:
            return None
        height, length, name = best
        covered = history.late("watch.coverage", 6)
        harmless = covered is None or covered >= self.coverage or history.rise("watch.coverage", 4) > RISING
        return self.found(
            history,
            min(height / self.peak, 1.3),
            f"The scores repeat every {length:,.0f} samples (autocorrelation {height:.2f}, limit {self.peak:.2f}).",
            "Each player undoes what the other has just learned, as on a circle around the equilibrium.",
            ("mean score", name, None),
            mild=harmless,
            remedies=lambda builder: (
                pairing(builder),
                smoother(builder, "damp the circling by a penalty near real images"),
                builder.option("generator_optimizer", "beta1", lambda now: 0.0, "no momentum"),
            ),
        )


def period(values: np.ndarray) -> tuple[float, int]:
    """The highest autocorrelation after the first zero crossing and its lag in rows; (0, 0) without a crossing."""
    count = len(values)
    x = np.arange(count)
    rest = values - np.polyval(np.polyfit(x, values, 2), x)
    if not rest.any():
        return 0.0, 0
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    correlation = np.fft.irfft(power)[:count] / np.arange(count, 0, -1)
    correlation = correlation / correlation[0]
    below = np.flatnonzero(correlation < 0)
    first = max(SHORTEST, int(below[0]) if len(below) else count)
    within = correlation[first : count // 5 + 1]
    if not len(within):
        return 0.0, 0
    lag = first + int(within.argmax())
    return float(correlation[lag]), lag
