"""What the page of a game shows."""

from __future__ import annotations

import numpy as np

from belamy.game.moment import describe
from belamy.game.record import Record, methods_of_measuring
from belamy.pages import page
from belamy.pages.charts import line_chart

CHARTS = (
    ("Wasserstein-1", "distance", {"Wasserstein-1": "wasserstein_1"}),
    ("Jensen-Shannon divergence", "nats; ln 2 = 0.693 for disjoint distributions", {"JS": "jensen_shannon"}),
    (
        "Distance from the Nash equilibrium",
        "all are 0 there",
        {"scores parted": "separation", "|D - 1/2|": "indecision", "|D - p/(p+q)|": "gap"},
    ),
    ("Modes covered", "modes", {"covered": "modes_covered"}),
    ("High-quality samples", "share within 3 standard deviations", {"share": "quality"}),
)
"""Title, unit and lines by name, of the facts."""


def render(record: Record, moving: bytes, last: np.ndarray) -> str:
    """The page of a game.

    Args:
        record: The game.
        moving: Its animation, an animated WebP or GIF.
        last: The last frame, shown to readers who want no motion.
    """
    drawn = []
    for title, unit, lines in CHARTS:
        series = {
            name: [(moment.step, value) for moment in record.moments if (value := moment.facts.get(key)) is not None]
            for name, key in lines.items()
        }
        series = {name: points for name, points in series.items() if points}
        if series and not ((record.facts.get("modes") or 0) == 1 and title.startswith(("Modes", "High"))):
            drawn.append(line_chart(series, title, "steps", unit, False, smooth=False))
    settings = {name: getattr(record.settings, name) for name in type(record.settings).model_fields}
    settings["penalties"] = ", ".join(map(str, record.settings.penalties)) or "none"
    measured = methods_of_measuring(record.line)
    return page(
        "game", record.caption.title, subtitle=record.caption.subtitle, steps=record.moments[-1].step,
        numbers={name: str(value) for name, value in describe(record.facts).items()}, line=record.line,
        moving=moving, last=last, charts=drawn,
        settings={name.replace("_", " "): str(value) for name, value in settings.items() if value is not None},
        measured={
            name.replace("_", " "): text for name, text in measured.items() if record.facts.get(name) is not None
        },
    )  # fmt: skip
