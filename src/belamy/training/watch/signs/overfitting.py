"""Overfitting: the loss on held-out data rises while that on training data falls."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder, in_order


class Sign:
    """How far the held-out loss has risen above its best, for methods that measure one.

    Args:
        rise: Share of the best value, from where it is severe.
        evaluations: Evaluations in a row that must lie above.
    """

    specific = True

    def __init__(self, *, rise: float = 0.2, evaluations: int = 3) -> None:
        self.rise, self.evaluations = rise, evaluations

    def __call__(self, history: RunHistory) -> Finding | None:
        series = history.series("evaluation.loss")
        values = series[1]
        if len(values) <= self.evaluations or not np.isfinite(values).all():
            return None
        best = int(values.argmin())
        rise = float(values[-self.evaluations :].min() - values[best]) / max(abs(float(values[best])), 1e-9)
        if rise <= 0:
            return None
        builder = RemedyBuilder(history.recipe)
        seen = int(series[0][best])
        return Finding(
            "overfitting",
            min(rise / self.rise, 2.0),
            f"The held-out loss is {rise:.0%} above its best, {values[best]:.4g} after {seen:,} samples "
            f"(limit {self.rise:.0%}).",
            "The model goes on learning what is peculiar to the training images.",
            (Evidence.of("held-out loss", series),),
            lambda: in_order(
                builder.field("train_samples", lambda now: max(seen, 1), "stop where the held-out loss was best"),
                builder.option("optimizer", "lr", lambda now: now / 2, "learn more slowly"),
            ),
            specific=self.specific,
        )
