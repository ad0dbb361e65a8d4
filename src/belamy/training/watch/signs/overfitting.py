"""Overfitting: what is held out is met worse and worse, or far worse than what is learned from."""

from __future__ import annotations

import numpy as np

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory


class Sign(BaseSign):
    """How far the held-out loss has risen above its best; of what translates, also how far it lies above training's.

    The held-out loss is the measure ``loss`` of a method that has it, else each that bears the name of a term of its
    objective. The second comparison is of measures and losses of one name.

    Args:
        rise: Share of the best value, from where it is severe.
        evaluations: Evaluations in a row that must lie above.
        apart: Held-out over training, from where it is severe in a method that translates.
    """

    title = "overfitting"
    specific = True
    capabilities = ("Evaluates",)
    rise: float = 0.2
    evaluations: int = 3
    apart: float = 2.0

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        found = [each for name in held_out(history) if (each := self.risen(history, name))]
        if history.can("Translates"):
            found += [each for loss in history.names("losses.") if (each := self.farther(history, loss))]
        return max(found, key=lambda each: each.strength, default=None)

    def risen(self, history: RunHistory, name: str) -> Finding | None:
        """What the course of a held-out measure says."""
        samples, values = history.series(name)
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
            "The model goes on learning what is peculiar to the training data.",
            ("held-out loss", name, None),
            remedies=lambda builder: (
                builder.field(
                    "train_samples", lambda _: max(int(samples[best]), 1), "stop where the held-out loss was best"
                ),
            ),
        )

    def farther(self, history: RunHistory, loss: str) -> Finding | None:
        """What a held-out measure says beside the training loss of its name."""
        name = loss.rpartition(".")[2]
        held, trained = history.series(f"evaluation.{name}")[1][-self.evaluations :], history.late(loss, 5)
        if not len(held) or trained is None or not trained > 0:
            return None
        times = float(np.median(held)) / trained
        return self.found(
            history,
            min((times - 1) / (self.apart - 1), 2.0),
            f"The {name} of held-out data is {times:.1f} times that of training data (limit {self.apart:g}).",
            "The model has learned its training pairs by heart.",
            (f"held-out {name}", f"evaluation.{name}", None),
            (f"{name} in training", loss, None),
            remedies=lambda builder: (
                advice("learn from more pairs"),
                builder.field("train_samples", lambda now: max(now // 2, 1), "stop earlier"),
            ),
        )


def held_out(history: RunHistory) -> list[str]:
    """The held-out measures that fall while a method learns."""
    terms = {term.partition(".")[2] for term in history.objective_terms}
    if history.adversarial and history.can("Translates"):  # their loss holds what the discriminator says
        return [name for name in history.names("evaluation.") if name != "evaluation.loss"]
    names = ["loss"] if len(history.series("evaluation.loss")[1]) else sorted(terms)
    return [f"evaluation.{name}" for name in names]
