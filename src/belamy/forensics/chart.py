"""Areas under ROC curves with their intervals, several of each row, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from belamy.evaluation.statistics import Interval
from belamy.runs.report.plot import COLOURS

WIDTH, LEFT, RIGHT, TOP, ROW = 660, 188, 20, 58, 30
LETTERS = 28
TICKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
APART = 6.5


def area_chart(rows: Mapping[str, Mapping[str, Interval]], series: Sequence[str], title: str, unit: str) -> str:
    """One row per name with a dot and an interval for each series; a rule marks chance.

    Values below the axis stand at its end.

    Args:
        rows: Intervals by series, by row.
        series: Their names in the order of their colours.
        title: Heading.
        unit: What stands beside it.

    Example:
        >>> area_chart({"a": {"x": Interval(0.9, 0.8, 1.0)}}, ["x"], "Areas", "AUROC").count("<circle")
        2
    """
    height = TOP + ROW * len(rows) + 34
    body = [_axis(len(rows)), _legend(series)]
    for number, (name, intervals) in enumerate(rows.items()):
        middle = TOP + ROW * (number + 0.5)
        shown = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
        body.append(_text(LEFT - 12, middle + 4, shown, "name", "end"))
        for series_name, interval in intervals.items():
            index = series.index(series_name)
            y = middle + APART * (index - (len(series) - 1) / 2)
            body.append(_mark(y, index, interval, f"{name}, {series_name}"))
    head = (
        f'<text class="title" x="0" y="16" font-size="14" font-weight="600" fill="#1f1e1b">{escape(title)}'
        f'<tspan class="unit" dx="7" font-size="12" font-weight="400" fill="#77736a">{escape(unit)}</tspan></text>'
    )
    return (
        f'<svg class="chart areas" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif">{head}{"".join(body)}</svg>'
    )


def _axis(rows: int) -> str:
    bottom = TOP + ROW * rows
    parts = []
    for tick in TICKS:
        x, kind = _place(tick), "axis" if tick == 0.5 else "grid"
        colour = "#8a867d" if tick == 0.5 else "#e4e1da"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{colour}"/>')
        label = "½ chance" if tick == 0.5 else f"{tick:g}"
        parts.append(_text(x, bottom + 18, label, "tick", "middle"))
    return "".join(parts)


def _legend(series: Sequence[str]) -> str:
    parts, x = [], 0.0
    for index, name in enumerate(series):
        parts.append(
            f'<circle class="dot s{index}" cx="{x + 5:.1f}" cy="{TOP - 22}" r="4.5" fill="{COLOURS[index]}"/>'
            + _text(x + 15, TOP - 18, name, "name", "start")
        )
        x += 36 + 7.0 * len(name)
    return "".join(parts)


def _mark(y: float, index: int, interval: Interval, name: str) -> str:
    value, low, high = (_place(number) for number in interval)
    told = f"{name}: {interval.value:.4g}, 95 % interval {interval.low:.4g} to {interval.high:.4g}"
    colour = COLOURS[index]
    return (
        f"<g><title>{escape(told)}</title>"
        f'<path class="s{index}" d="M{low:.1f} {y:.1f}H{high:.1f}" stroke="{colour}" stroke-width="2" fill="none"/>'
        f'<circle class="dot s{index}" cx="{value:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/></g>'
    )


def _place(value: float) -> float:
    low, high = TICKS[0], TICKS[-1]
    return LEFT + (min(max(value, low), high) - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" '
        f'fill="#5f5b53">{escape(text)}</text>'
    )
