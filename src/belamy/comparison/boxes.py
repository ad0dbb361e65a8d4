"""Box plots as SVG text, in the manner of the report's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

import numpy as np

from belamy.evaluation.statistics import quantile
from belamy.runs.report.plot import COLOURS, LETTER
from belamy.runs.report.scales import Scale, logarithmic, short, value_scale

WIDTH, ROW, TOP, BOTTOM, RIGHT = 1040, 34, 34, 44, 60
LONGEST = 44
"""Letters of a label, at most; the whole is shown on hover."""


def box_chart(groups: Mapping[str, Sequence[float]], title: str, unit: str, real_baseline: float | None = None) -> str:
    """A lying box for each group: quartiles, median, whiskers over all values, and each value as a dot.

    Values that are infinite are counted at the right edge.

    Args:
        groups: Values by label; lower is better.
        title: Heading.
        unit: What is along.
        real_baseline: A value to mark, which real images reach.

    Example:
        >>> box_chart({"a": [1.0, 2.0, 3.0]}, "Distances", "lower is better").count("<circle")
        3
    """
    finite = {label: [x for x in values if isfinite(x)] for label, values in groups.items()}
    every = [x for values in finite.values() for x in values] + ([real_baseline] if real_baseline is not None else [])
    height = TOP + ROW * len(groups) + BOTTOM
    head = (
        f'<text class="title" x="0" y="16" font-size="14" font-weight="600" fill="#1f1e1b">{escape(title)}'
        f'<tspan class="unit" dx="7" font-size="12" font-weight="400" fill="#77736a">{escape(unit)}</tspan></text>'
    )
    if not every:
        return _svg(head + _text(WIDTH / 2, TOP + ROW / 2, "no finite values yet", "note", "middle"), height, title)
    left = 16 + LETTER * min(LONGEST, max(len(label) for label in groups))
    arrays = [np.array(every, dtype=float)]
    along = value_scale(arrays, arrays, logarithmic(arrays, None))
    place = _Place(along, left)
    parts = [head, _axis(along, place, left, height)]
    if real_baseline is not None:
        at = place(real_baseline)
        parts.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{height - BOTTOM}" '
            f'stroke="#999" stroke-dasharray="2 3"><title>real images: {short(real_baseline)}</title></line>'
        )
    for index, (label, values) in enumerate(groups.items()):
        parts.append(_row(label, values, index, place, left))
    return _svg("".join(parts), height, f"{title}: {', '.join(groups)}")


def _row(label: str, values: Sequence[float], index: int, place: _Place, left: float) -> str:
    y, kind, colour = TOP + ROW * (index + 0.5), f"s{index % len(COLOURS)}", COLOURS[index % len(COLOURS)]
    shown = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
    parts = [f"<g><title>{escape(label)}</title>{_text(left - 10, y + 4, shown, 'name', 'end')}</g>"]
    finite = sorted(x for x in values if isfinite(x))
    if finite:
        low, median, high = (min(quantile(values, share), finite[-1]) for share in (0.25, 0.5, 0.75))
        parts.append(
            f'<line class="line {kind}" x1="{place(finite[0]):.1f}" x2="{place(finite[-1]):.1f}" y1="{y}" y2="{y}" '
            f'stroke="{colour}"/>'
            f'<rect class="box {kind}" x="{place(low):.1f}" y="{y - 9}" width="{max(place(high) - place(low), 1):.1f}" '
            f'height="18" rx="2" fill="{colour}" fill-opacity=".16" stroke="{colour}"/>'
            f'<line class="line {kind}" x1="{place(median):.1f}" x2="{place(median):.1f}" y1="{y - 9}" y2="{y + 9}" '
            f'stroke="{colour}" stroke-width="2.6"><title>median {short(quantile(values, 0.5))}</title></line>'
        )
        parts += [
            f'<circle class="dot {kind}" cx="{place(x):.1f}" cy="{y}" r="2.8" fill="{colour}">'
            f"<title>{short(x)}</title></circle>"
            for x in finite
        ]
    if failed := len(values) - len(finite):
        parts.append(_text(WIDTH - 2, y + 4, f"{failed} failed", "tick failed", "end"))
    return "".join(parts)


class _Place:
    """From values to pixels along."""

    def __init__(self, scale: Scale, left: float) -> None:
        self.scale, self.left = scale, left

    def __call__(self, value: float) -> float:
        share = float(np.clip(self.scale.place(np.array(value)), 0, 1))
        return self.left + share * (WIDTH - RIGHT - self.left)


def _axis(along: Scale, place: _Place, left: float, height: float) -> str:
    bottom, parts = height - BOTTOM, []
    for tick in along.ticks(8):
        x = place(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#e4e1da"/>')
        parts.append(_text(x, bottom + 17, short(tick), "tick", "middle"))
    parts.append(f'<line class="axis" x1="{left}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="#8a867d"/>')
    return "".join(parts)


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
