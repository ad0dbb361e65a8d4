"""Charts with intervals as SVG text, in the manner of the report's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log
from typing import Any

from belamy.runs.report.plot import COLOURS, LETTER
from belamy.runs.report.scales import Scale, short

WIDTH, ROW, TOP, BOTTOM, RIGHT, LEFT = 520, 40, 44, 42, 64, 50
HEIGHT = 210
LONGEST = 26
Bounds = Mapping[str, float | None]


def interval_chart(
    rows: Mapping[str, Sequence[Bounds]], title: str, unit: str, span: tuple[float, float], mark: float | None = None,
    legend: Sequence[str] = (), per_cent: bool = False,
) -> str:  # fmt: skip
    """A dot with whiskers for each row; several intervals of a row stand below each other.

    Args:
        rows: Intervals by label, each with ``value``, ``low`` and ``high``; a bound that is None ends at the edge.
        title: Heading.
        unit: What is along.
        span: Least and largest number along; widened where an interval reaches further.
        mark: A number to mark, such as chance.
        legend: What each interval of a row is over.
        per_cent: Whether numbers are shares.

    Example:
        >>> interval_chart({"a": [{"value": 0.5, "low": 0.4, "high": 0.6}]}, "Errors", "share", (0, 1)).count("<circle")
        1
    """
    every = [number for each in rows.values() for bounds in each for number in bounds.values() if number is not None]
    low, high = min([span[0], *every]), max([span[1], *every])
    left = 16 + LETTER * min(LONGEST, max((len(label) for label in rows), default=1))
    top = TOP + (18 if legend else 0)
    height = top + ROW * len(rows) + BOTTOM
    place = _Across(Scale(low, high), left, WIDTH - RIGHT)
    parts = [_head(title, unit), _legend(legend), _ruler(place, top, height - BOTTOM, per_cent)]
    if mark is not None:
        parts.append(_mark(place(mark), top, height - BOTTOM, f"{mark:g}"))
    for number, (label, bounds) in enumerate(rows.items()):
        shown = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
        middle = top + ROW * (number + 0.5)
        parts.append(f"<g><title>{escape(label)}</title>{_text(left - 10, middle + 4, shown, 'name', 'end')}</g>")
        for line, each in enumerate(bounds):
            y = middle + (line - (len(bounds) - 1) / 2) * 11
            parts.append(_whisker(each, place, y, line))
        parts.append(_text(WIDTH - 2, middle + 4, _said(bounds[0]["value"], per_cent), "value", "end"))
    return _svg("".join(parts), height, f"{title}: {', '.join(rows)}")


def curve_chart(
    points: Mapping[str, Mapping[float, Bounds]],
    title: str,
    unit: str,
    curve: Sequence[Sequence[float]] = (),
    mark: float = 0.5,
) -> str:
    """Shares with whiskers over exposures on a logarithmic axis, and a curve.

    Args:
        points: Intervals by exposure in ms, by series.
        title: Heading.
        unit: What is up.
        curve: (exposure, share) of a curve.
        mark: The share to mark.
    """
    times = sorted({time for each in points.values() for time in each})
    across = Scale(times[0] / 1.15, times[-1] * 1.15, log=True)
    top, right = TOP + 18, WIDTH - 14
    bottom = top + HEIGHT

    def x(time: float) -> float:
        return LEFT + (log(time) - log(across.low)) / (log(across.high) - log(across.low)) * (right - LEFT)

    def y(share: float) -> float:
        return bottom - share * HEIGHT

    parts = [_head(title, unit), _legend(list(points))]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_rule(LEFT, right, y(share)) + _text(LEFT - 7, y(share) + 4, f"{share:.0%}", "tick", "end"))
    parts.append(
        f'<line class="mark" x1="{LEFT}" x2="{right}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" stroke="#999" '
        'stroke-dasharray="2 3"/>'
    )
    parts += [_text(x(time), bottom + 17, short(time), "tick", "middle") for time in times]
    parts.append(_text(right, bottom + 36, "exposure in milliseconds", "label", "end"))
    if curve:
        path = "L".join(f"{x(time):.1f} {y(share):.1f}" for time, share in curve)
        parts.append(f'<path class="line s0" d="M{path}" fill="none" stroke="{COLOURS[0]}" stroke-width="1.8"/>')
    for number, held in enumerate(points.values()):
        shift = (number - (len(points) - 1) / 2) * 9
        parts += [_upright(bounds, x(time) + shift, y, number) for time, bounds in held.items()]
    return _svg("".join(parts), bottom + BOTTOM, f"{title}: {', '.join(points)}")


class _Across:
    """From numbers to pixels."""

    def __init__(self, scale: Scale, left: float, right: float) -> None:
        self.scale, self.left, self.right = scale, left, right

    def __call__(self, value: float) -> float:
        share = (value - self.scale.low) / (self.scale.high - self.scale.low)
        return self.left + share * (self.right - self.left)


def _whisker(bounds: Bounds, place: _Across, y: float, number: int) -> str:
    kind, colour = _series(number)
    low, high = bounds["low"], bounds["high"]
    first = place.left if low is None else place(low)
    last = place.right if high is None else place(high)
    assert bounds["value"] is not None
    ends = "".join(
        f'<line class="line {kind}" x1="{at:.1f}" x2="{at:.1f}" y1="{y - 4:.1f}" y2="{y + 4:.1f}" stroke="{colour}"/>'
        for at, known in ((first, low), (last, high))
        if known is not None
    )
    return (
        f'<line class="line {kind}" x1="{first:.1f}" x2="{last:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" '
        f'stroke-width="1.6">{_title(bounds)}</line>{ends}<circle class="dot {kind}" cx="{place(bounds["value"]):.1f}" '
        f'cy="{y:.1f}" r="4" fill="{colour}">{_title(bounds)}</circle>'
    )


def _upright(bounds: Bounds, x: float, y: Any, number: int) -> str:
    kind, colour = _series(number)
    low, high = bounds["low"] or 0.0, 1.0 if bounds["high"] is None else bounds["high"]
    return (
        f'<line class="line {kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" stroke="{colour}" '
        f'stroke-width="1.6"/><circle class="dot {kind}" cx="{x:.1f}" cy="{y(bounds["value"]):.1f}" r="4" '
        f'fill="{colour}">{_title(bounds)}</circle>'
    )


def _title(bounds: Bounds) -> str:
    low, high = ("?" if bounds[end] is None else f"{bounds[end]:.3g}" for end in ("low", "high"))
    return f"<title>{bounds['value']:.3g}, from {low} to {high}</title>"


def _said(value: float | None, per_cent: bool) -> str:
    return f"{value:.1%}" if per_cent else f"{value:.2f}"


def _series(number: int) -> tuple[str, str]:
    return f"s{number % len(COLOURS)}", COLOURS[number % len(COLOURS)]


def _ruler(place: _Across, top: float, bottom: float, per_cent: bool) -> str:
    parts = []
    for tick in place.scale.ticks(5):
        at = place(tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" stroke="#e4e1da"/>')
        parts.append(_text(at, bottom + 17, f"{tick:.0%}" if per_cent else short(tick), "tick", "middle"))
    return "".join(parts)


def _rule(left: float, right: float, y: float) -> str:
    return f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e1da"/>'


def _mark(x: float, top: float, bottom: float, label: str) -> str:
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#999" stroke-dasharray="2 3">'
        f"<title>{escape(label)}</title></line>"
    )


def _legend(names: Sequence[str]) -> str:
    if not names:
        return ""
    parts, x = [], 0.0
    for number, name in enumerate(names):
        kind, colour = _series(number)
        parts.append(
            f'<line class="key {kind}" x1="{x:.1f}" x2="{x + 14:.1f}" y1="36" y2="36" stroke="{colour}" '
            'stroke-width="3"/>' + _text(x + 20, 40, name, "name", "start")
        )
        x += 36 + LETTER * len(name)
    return "".join(parts)


def _head(title: str, unit: str) -> str:
    return (
        f'<text class="title" x="0" y="16" font-size="14" font-weight="600" fill="#1f1e1b">{escape(title)}'
        f'<tspan class="unit" dx="7" font-size="12" font-weight="400" fill="#77736a">{escape(unit)}</tspan></text>'
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" fill="#5f5b53">'
        f"{escape(text)}</text>"
    )


def _svg(content: str, height: float, spoken: str) -> str:
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(spoken)}" font-family="system-ui, sans-serif">{content}</svg>'
    )
