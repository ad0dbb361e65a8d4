"""The discriminator diverges: its loss is worse than that of one that gives every image the same score."""

from __future__ import annotations

import numpy as np
import torch

from belamy.errors import UsageError
from belamy.methods.gan import ADVERSARIAL
from belamy.shelf import Part
from belamy.training.watch.course import Course
from belamy.training.watch.finding import Evidence, Finding
from belamy.training.watch.remedies import calm

LOSS = "losses.discriminator.adversarial"


class Sign:
    """The median of its loss over the last rows against the least that a constant score can reach.

    Learning can only do better than a constant, so a loss that stays above it comes from steps that overshoot.

    Args:
        excess: Above the constant's loss, in units of that loss and of the spread of scores, from where it is severe.
        rows: Rows over which it must last.
    """

    specific = True

    def __init__(self, *, excess: float = 0.5, rows: int = 30) -> None:
        self.excess, self.rows = excess, rows

    def __call__(self, course: Course) -> Finding | None:
        values = course.recent(LOSS, self.rows)
        adversarial = getattr(course.recipe, "adversarial", None)
        if not len(values) or not isinstance(adversarial, Part):
            return None
        constant = least(adversarial)
        if constant is None:
            return None
        loss, spread = float(np.median(values)), course.late("watch.scores.real.sd", 3) or 0.0
        if not loss > constant:
            return None
        return Finding(
            "discriminator diverges",
            min((loss - constant) / (abs(constant) + spread + 1e-6) / self.excess, 2.0),
            f"Its loss is {loss:.3g}; one score for all images would give {constant:.3g}.",
            "The discriminator's steps overshoot: its learning rate is too high.",
            (Evidence.of("loss of the discriminator", course.series(LOSS), constant),),
            calm(course.recipe, "discriminator"),
            specific=self.specific,
        )


@torch.no_grad()
def least(adversarial: Part) -> float | None:
    """The discriminator's least loss over constant scores; None where there is no least, as with BEGAN's.

    Example:
        >>> round(least(Part(name="non-saturating")), 3)
        1.386
    """
    try:
        loss = ADVERSARIAL.build(adversarial)
    except UsageError:  # its package is gone
        return None
    values = torch.stack([loss.discriminator(score, score).mean() for score in torch.linspace(-2, 2, 41)[:, None]])
    inside = values[1:-1].min()
    bounded = bool(torch.isfinite(values).all()) and float(torch.min(values[0], values[-1])) >= float(inside) - 1e-6
    return float(inside) if bounded else None
