"""Overfitting: the loss on held-out data rises while that on training data falls."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """How far the held-out loss has risen above its best, for methods that measure one.

    Args:
        rise: Share of the best value, from where it is severe.
        evaluations: Evaluations in a row that must lie above.
    """

    title = "overfitting"
    specific = True
    rise: float = 0.2
    evaluations: int = 3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        samples, values = history.series("evaluation.loss")
        if len(values) <= self.evaluations or not np.isfinite(values).all():
            return None
        best = int(values.argmin())
        rise = float(values[-self.evaluations :].min() - values[best]) / max(abs(float(values[best])), 1e-9)
        if rise <= 0:
            return None
        return self.found(
            history,
            min(rise / self.rise, 2.0),
            f"The held-out loss is {rise:.0%} above its best, {values[best]:.4g} after {int(samples[best]):,} samples "
            f"(limit {self.rise:.0%}).",
            "The model goes on learning what is peculiar to the training images.",
            ("held-out loss", "evaluation.loss", None),
            remedies=lambda builder: (
                builder.field(
                    "train_samples", lambda _: max(int(samples[best]), 1), "stop where the held-out loss was best"
                ),
            ),
        )
