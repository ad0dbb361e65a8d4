"""Numbers with what is needed to read them, and how they are written in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf
from typing import Any

from belamy.evaluation.panel import Judgement
from belamy.evaluation.statistics import Interval

OF_REAL = ("-real", "-held-out")
"""How the names end of what a metric tells of real images."""


@dataclass(frozen=True)
class Measure:
    """A number with what is needed to read it.

    Args:
        name: What it is called.
        value: The number.
        interval: Its interval of 95 %, None where there is no honest one.
        real_baseline: What real images are told by the same measure, None where that is not known.
        real_baseline_interval: The interval of that.
        metric: The metric that it is of.
        controls: What is told of images that must not do well, by what they are: ``noise``, ``copies``.
    """

    name: str
    value: float
    interval: Interval | None = None
    real_baseline: float | None = None
    real_baseline_interval: Interval | None = None
    metric: str = ""
    controls: Mapping[str, float] = field(default_factory=dict)

    @property
    def of_real(self) -> bool:
        """Whether it is a number of the real images themselves, which metrics give for comparison."""
        return self.name.endswith(OF_REAL)

    @property
    def like_real(self) -> bool:
        """Whether it cannot be told from what real images are told: the intervals overlap."""
        return not self.of_real and overlap(self.interval, self.real_baseline_interval)

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data."""
        return {
            "metric": self.metric,
            **_numbers(self.value, self.interval),
            "floor": None if self.real_baseline is None else _numbers(self.real_baseline, self.real_baseline_interval),
            "controls": dict(self.controls),
        }

    @classmethod
    def parse(cls, name: str, facts: Mapping[str, Any]) -> Measure:
        """A measure from plain data."""
        value, interval = _read(facts)
        real_baseline, real_baseline_interval = (None, None) if facts.get("floor") is None else _read(facts["floor"])
        controls = {kind: float(told) for kind, told in facts.get("controls", {}).items()}
        return cls(name, value, interval, real_baseline, real_baseline_interval, str(facts.get("metric", "")), controls)


def measures(
    found: Judgement, real_baseline: Judgement | None, controls: Mapping[str, Judgement] | None = None
) -> tuple[Measure, ...]:
    """The numbers of a judgement beside those of real images and of controls."""
    values = {} if real_baseline is None else real_baseline.values
    intervals = {} if real_baseline is None else real_baseline.intervals
    return tuple(
        Measure(
            name, value, found.intervals.get(name), values.get(name), intervals.get(name), found.origins.get(name, ""),
            {kind: each.values[name] for kind, each in (controls or {}).items() if name in each.values},
        )
        for name, value in found.values.items()
    )  # fmt: skip


def overlap(a: Interval | None, b: Interval | None) -> bool:
    """Whether two intervals have a number in common; nothing is known of what has none."""
    return a is not None and b is not None and a.low <= b.high and b.low <= a.high


def row(measure: Measure, real_baselines: bool = True, controls: Sequence[str] = ()) -> tuple[str, ...]:
    """The cells of a measure, with or without those of real images and of controls."""
    cells = [measure.name, number(measure.value), span(measure.interval)]
    if real_baselines:
        cells += [
            "–" if measure.real_baseline is None else number(measure.real_baseline),
            span(measure.real_baseline_interval),
        ]
    cells += [number(measure.controls[kind]) if kind in measure.controls else "–" for kind in controls]
    return *cells, "not told from real" if measure.like_real else ""


def number(value: float) -> str:
    """Four significant digits, and all of them before the point; a word for what is infinite.

    Example:
        >>> number(0.123456), number(12345.6), number(20), number(float("inf"))
        ('0.1235', '12,346', '20', 'infinite')
    """
    if isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def span(interval: Interval | None) -> str:
    """An interval in words."""
    if interval is None:
        return "–"
    low = number(interval.low)
    if isinf(interval.high):
        return low if isinf(interval.low) else f"{low} or more"
    return f"{low} … {number(interval.high)}"


def aligned(rows: Sequence[Sequence[str]], words_last: bool = True) -> list[str]:
    """A table of text: the first column to the left, the others to the right, words in the last to the left."""
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 or (words_last and column == len(cells) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]


def _numbers(value: float, interval: Interval | None) -> dict[str, Any]:
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {"value": value, "low": low, "high": high}


def _read(facts: Mapping[str, Any]) -> tuple[float, Interval | None]:
    value, low, high = float(facts["value"]), facts.get("low"), facts.get("high")
    return value, None if low is None or high is None else Interval(value, float(low), float(high))
