"""Noise that is not learned: at some level a denoiser is no better than the best linear guess."""

from __future__ import annotations

from belamy.training.watch.remedies import faster, longer
from belamy.training.watch.sign import RISING, BaseSign, Finding, RunHistory

LEVELS = ("0.1", "1", "10")
STEEP = 8
"""So steeply the evidence falls below the limit, where much may still be learned."""

NEARLY = 0.9
"""How far the evidence goes at most while the error falls."""


class Sign(BaseSign):
    """The squared error of denoised held-out pictures at three levels of noise, in that of the best linear guess.

    What still falls from look to look is no failure yet.

    Args:
        share: Of the linear guess's error, from where it is severe at any level.
        looks: Looks that tell before the first evaluation does.
        grace: Share of the run, or of its second stage, before which it says nothing.
    """

    title = "noise not learned"
    specific = True
    share: float = 0.97
    looks: int = 3
    grace: float = 0.3

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        begun = getattr(history.recipe, "first_stage", 0.0)
        if history.progress < begun + self.grace * (1 - begun):
            return None
        found = [each for level in LEVELS if (each := history.held_out(f"error-at-{level}", self.looks))]
        if len(found) < len(LEVELS):
            return None
        errors = [error for _, error in found]
        worst, name = max((error, name) for name, error in found)
        before, *_, now = history.recent(name, self.looks) if name.startswith("watch.") else (0.0, 0.0)
        falling = before - now > RISING * worst
        told = ", ".join(f"{error:.2f} at σ = {level}" for error, level in zip(errors, LEVELS, strict=True))
        return self.found(
            history,
            min((worst / self.share) ** STEEP, NEARLY if falling else 2.0),
            f"In errors of the best linear guess, denoising has {told} (limit {self.share:.2f}).",
            "At such a level nothing was learned that the mean and the spread of all pixels do not say: the run is too "
            "short, its rate wrong, or such levels are hardly drawn.",
            *((f"error at σ = {level}", name, self.share) for level, (name, _) in zip(LEVELS, found, strict=True)),
            remedies=lambda builder: (
                longer(builder),
                faster(builder, "network"),
                builder.field("level_spread", lambda now: now * 1.5, "learn at levels farther apart"),
            ),
        )
