"""A game played to its end, with its moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from belamy.game.figure import Caption, draw_frame
from belamy.game.match import Match
from belamy.game.measure import HISTOGRAM, JUDGED, PAIRED
from belamy.game.moment import Moment, Observer, describe
from belamy.game.settings import GameSettings
from belamy.ranges import Within

EARLY = 1.6
"""Moments lie closer together at the start, where most happens: the k-th of n after (k/n)^1.6 of the steps."""
MOST_MOMENTS = 120


@dataclass(frozen=True)
class Record:
    """What was played and what was seen.

    Args:
        settings: What decided the game.
        moments: From the first step to the last.
        caption: Titles of its pictures.
        line: Whether it was played on the line.
    """

    settings: GameSettings
    moments: tuple[Moment, ...]
    caption: Caption
    line: bool

    @property
    def facts(self) -> dict[str, float | None]:
        """Every figure at the end."""
        return self.moments[-1].facts

    def frame(self, number: int = -1) -> np.ndarray:
        """The picture of a moment, uint8 [600, 960, 3]; by default of the last one."""
        return draw_frame(self.caption, self.moments, number % len(self.moments))

    def _repr_html_(self) -> str:
        from belamy.pages import fragment
        from belamy.pages.pictures import source

        lines = [self.caption.subtitle, *(f"{name}: {value}" for name, value in describe(self.facts).items())]
        return fragment("card", title=self.caption.title, lines=lines, picture=source(self.frame()), width=480)

    def as_json(self) -> dict[str, Any]:
        """Settings, how things were measured, and all figures over time, as plain data."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "measured": methods_of_measuring(self.line),
            "result": {"step": self.moments[-1].step, **self.facts},
            "moments": [{"step": moment.step, **moment.facts} for moment in self.moments],
        }


def play(
    distribution: str = "gaussian",
    *,
    frames: int = 72,
    progress: Callable[[int, int, Moment | None], None] | None = None,
    **fields: Any,
) -> Record:
    """Play a game and look at it from time to time.

    Args:
        distribution: A name with options, such as ``ring:modes=6``, or the path of a picture.
        frames: Moments to look at after the first, in 1..119.
        progress: Called after every step with the steps played, all steps, and the moment if there was a look.
        fields: Fields of :class:`~belamy.game.settings.Settings`, e.g. ``loss="hinge"``, ``penalties="r1:weight=0.1"``.

    Raises:
        UsageError: What is wrong and what is allowed.
        NotFinite: The game met NaN or infinity.
    """
    return conduct(GameSettings().changed(distribution=distribution, **fields), frames, progress)


def conduct(
    settings: GameSettings, frames: int = 72, progress: Callable[[int, int, Moment | None], None] | None = None
) -> Record:
    """Play what settings say; see :func:`play`."""
    Within(1, MOST_MOMENTS - 1).check("frames", frames)
    torch.set_flush_denormal(True)  # denormal numbers are 10 to 200 times slower on a CPU
    match = Match(settings)
    observer = Observer(match)
    when = {round(settings.steps * (number / frames) ** EARLY) for number in range(frames + 1)}
    moments = [observer.look()]
    while match.step < settings.steps:
        match.play()
        moment = observer.look() if match.step in when else None
        moments += [moment] if moment else []
        if progress:
            progress(match.step, settings.steps, moment)
    caption = Caption(_title(settings), _subtitle(settings), settings.steps, match.distribution.window)
    return Record(settings, tuple(moments), caption, observer.line)


def methods_of_measuring(line: bool) -> dict[str, str]:
    """Descriptions of how each figure is computed."""
    if line:
        density = "the generator's by change of variables: its latents' line is pushed forward piece by piece"
        transport = "the mean distance of the two quantile functions"
    else:
        density = f"the generator's as a histogram of {HISTOGRAM:,} points"
        transport = (
            f"the shortest pairing of {PAIRED} points of each kind, exact for these points; two samples of the data "
            "are not at 0 either"
        )
    return {
        "jensen_shannon": f"in nats, over cells of the window and the outside; the data's mass is exact, {density}",
        "wasserstein_1": transport,
        "separation": "Kolmogorov-Smirnov distance of the scores of data and generated points: 0 when no threshold "
        "on the score parts them, as at the equilibrium whatever the loss",
        "indecision": "mean |D - 1/2| over data and generated points, for losses whose score states a probability D",
        "gap": "mean |D - p/(p+q)| over the mean of both distributions: how far D is from the best answer",
        "modes_covered": f"modes with one of {JUDGED:,} points within 3 standard deviations",
        "quality": f"share of {JUDGED:,} points within 3 standard deviations of a mode; of the data 98.9 % in the "
        "plane",
    }


def _title(settings: GameSettings) -> str:
    part = settings.distribution
    if part.name == "picture":
        return str(part.options["file"]).replace("\\", "/").rsplit("/", 1)[-1]
    return part.name.replace("-", " ")


def _subtitle(settings: GameSettings) -> str:
    return " + ".join([str(settings.loss), *(str(part) for part in settings.penalties)])
