"""The charts of a run, from the rows it measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from belamy.pages.charts import line_chart
from belamy.pages.scales import short

Row = Mapping[str, Any]
Series = dict[str, list[tuple[float, float]]]

ONE_CHART = 4  # losses up to this number share one chart; more are parted by player
SEEN = "training samples seen"
EVENTS_MARKED = ("resume", "interrupt", "not-finite")
TITLES = {
    "gradient_norms": ("Gradient norms", "before clipping"),
    "learning_rates": ("Learning rates", ""),
    "signals": ("Signals", "logged, not learned from"),
}
ROW_FACTS = (
    "samples", "step", "seconds", "speed", "losses", "evaluation", "watch", "judged", "intervals", "floor", "protocol"
)  # fmt: skip


def charts(metrics: Sequence[Row], journal: Sequence[Row], samples_are: str = "images") -> list[Markup]:
    """Every curve that the rows hold: losses, evaluations, gradient norms, learning rates, speed, whatever else."""
    marks = [(float(row.get("samples", 0)), str(row["event"])) for row in journal if row.get("event") in EVENTS_MARKED]

    def chart(series: Series, title: str, unit: str, log_y: bool | None = None, smooth: bool = True) -> Markup:
        return line_chart(series, title, SEEN, unit, log_y, marks, smooth)

    drawn = [chart(series, title, "mean of each row", False) for title, series in _losses(metrics)]
    drawn += [chart({name: points}, f"Held-out {name}", "", False)
              for name, points in collected(metrics, "evaluation").items()]  # fmt: skip
    floors = collected(metrics, "floor")
    for name, points in collected(metrics, "judged").items():
        real = {f"real {samples_are}": floors[name]} if name in floors else {}
        drawn.append(chart({name: points, **real}, f"Judged: {name}", "of samples", None, smooth=False))
    kinds = dict.fromkeys(key for row in metrics for key in row if key not in ROW_FACTS)
    for kind in kinds:
        title, unit = TITLES.get(kind, (kind.replace("_", " ").capitalize(), ""))
        series = collected(metrics, kind)
        if series:
            drawn.append(chart(series, title, unit, smooth=kind != "learning_rates"))
    speed = speeds(metrics)
    if speed:
        drawn.append(chart({"speed": speed}, "Speed", "training samples per second", False))
    return drawn


def collected(metrics: Sequence[Row], kind: str) -> Series:
    """(samples, value) by name, of the rows that hold a mapping of this kind."""
    series: Series = {}
    for row in metrics:
        values = row.get(kind)
        for name, value in values.items() if isinstance(values, Mapping) else ():
            number = _number(value)
            if number is not None:
                series.setdefault(name, []).append((float(row["samples"]), number))
    return series


def speeds(metrics: Sequence[Row]) -> list[tuple[float, float]]:
    """Samples per second between rows, by the clock of the rows, which a resume continues."""
    timed = [row for row in metrics if "seconds" in row]
    points = []
    for earlier, later in pairwise(timed):
        seconds = float(later["seconds"]) - float(earlier["seconds"])
        if seconds > 0:
            points.append((float(later["samples"]), (float(later["samples"]) - float(earlier["samples"])) / seconds))
    return points


def latest(metrics: Sequence[Row], kind: str) -> dict[str, str]:
    """The last value of each name, short."""
    return {name: short(float(f"{points[-1][1]:.4g}")) for name, points in collected(metrics, kind).items()}


def _losses(metrics: Sequence[Row]) -> Iterator[tuple[str, Series]]:
    series = collected(metrics, "losses")
    by_player: dict[str, Series] = {}
    for name, points in series.items():
        title = "Losses" if len(series) <= ONE_CHART else f"Losses of {name.partition('.')[0]}"
        by_player.setdefault(title, {})[name] = points
    yield from by_player.items()


def _number(value: object) -> float | None:
    """A float, also from "NaN" and "Infinity" as strict JSON holds them."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
