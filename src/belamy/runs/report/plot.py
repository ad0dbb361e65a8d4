"""Charts as SVG text: they need no library to draw and none to show.

A chart carries plain colours as attributes, so it is right on its own in a light picture viewer; the report's style
sheet overrides them by class, so it follows the page into the dark. Two decimals of a pixel are kept, and the page's
script reads values back from the paths under the pointer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from belamy.runs.report.scales import LARGEST, Scale, logarithmic, short, step_scale, value_scale

Points = Sequence[tuple[float, float]]

WIDTH, PLOT_HEIGHT = 520, 210
LEFT, RIGHT, BOTTOM, TITLE = 50, 14, 40, 26
LEGEND_ROW, LETTER = 18, 7.3  # pixels; a letter's width is estimated, with room for the larger type on telephones
COLOURS = ("#2c6496", "#c2512f", "#3c7d57", "#86589b", "#a97815", "#2b8a94", "#8b5e4b", "#667080")
BUCKETS = 360  # columns of pixels that a line is thinned to
SMOOTH_FROM, SMOOTH_SHARE = 60, 40  # a line of 60 points or more is smoothed over a fortieth of its length
FEW = 40  # points up to this number are drawn as dots too
BARS_BY_NAME = 24  # more bars than this are too many to name


def line_chart(
    series: Mapping[str, Points],
    title: str,
    x_label: str,
    y_label: str,
    log_y: bool | None = False,
    marks: Sequence[tuple[float, str]] = (),
    smooth: bool = True,
) -> str:
    """Lines over a common horizontal axis.

    A long line is drawn twice: faint as measured, strong as it runs on average. A value that is not finite breaks the
    line and puts a cross on the upper edge.

    Args:
        series: (x, y) of each line, by name.
        title: Heading.
        x_label: What is along.
        y_label: What is up.
        log_y: A logarithmic axis, on which values up to 0 are gaps; None decides by the spread.
        marks: (x, label) of vertical lines, such as where a run was resumed.
        smooth: Draw the course of lines of 60 points and more; False where values have no noise.

    Example:
        >>> line_chart({"loss": [(0, 1.0), (1, 0.5)]}, "Loss", "samples", "nats")[:4]
        '<svg'
    """
    arrays = {name: _array(points) for name, points in series.items()}
    log = logarithmic([points[1] for points in arrays.values()], log_y)
    shown = {name: _cut(points, log) for name, points in arrays.items()}
    course = {name: [_smoothed(run, log) if smooth else run for run in shown[name]] for name in series}
    runs = [run for segments in shown.values() for run in segments]
    legend, top = _legend({name: _last(arrays[name], course[name]) for name in series})
    head, spoken = _head(title, y_label), f"{title}: {', '.join(series)}"
    if not runs:
        empty = _text(WIDTH / 2, top + PLOT_HEIGHT / 2, "no finite values", "note", "middle")
        return _svg(head + legend + empty, top + PLOT_HEIGHT + BOTTOM, spoken)
    across = step_scale(min(float(run[0, 0]) for run in runs), max(float(run[0, -1]) for run in runs))
    up = value_scale([run[1] for run in runs], [run[1] for name in series for run in course[name]], log)
    body = [_rules(across, marks)]
    for index, name in enumerate(series):
        body.append(_line(name, index, shown[name], course[name], across, up))
        body.append(_crosses(arrays[name], index, across))
    plot = (
        f'<svg class="plot" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PLOT_HEIGHT}" '
        f'data-x="{across.low!r} {across.high!r}" data-y="{up.low!r} {up.high!r}" data-log="{int(up.log)}" '
        f'data-along="{escape(x_label)}">{"".join(body)}</svg>'
    )
    return _svg(head + legend + _axes(across, up, x_label, top) + plot, top + PLOT_HEIGHT + BOTTOM, spoken)


def bar_chart(values: Mapping[str, float], title: str, value_label: str) -> str:
    """One bar for each value: lying and named, or, beyond 24, upright with the name on hover.

    Example:
        >>> bar_chart({"cat": 3, "dog": 5}, "Classes", "images").count("<rect")
        2
    """
    finite = {name: value if np.isfinite(value) and value > 0 else 0.0 for name, value in values.items()}
    largest = max(finite.values(), default=0.0) or 1.0
    head, spoken = _head(title, value_label), f"{title}: {len(values)} bars"
    if len(values) > BARS_BY_NAME:
        return _svg(head + _upright(finite, largest), TITLE + 156, spoken)
    row, left, right = 20, 24 + LETTER * min(22, max((len(name) for name in values), default=0)), 64
    parts = []
    for index, (name, value) in enumerate(finite.items()):
        y, length = TITLE + 6 + index * row, (WIDTH - left - right) * value / largest
        label = name if len(name) <= 22 else f"{name[:21]}…"
        parts.append(_text(left - 8, y + 13, label, "name", "end"))
        parts.append(_bar(left, y + 3, length, row - 6, f"{name}: {value:,.10g}"))
        parts.append(_text(left + length + 6, y + 13, f"{value:,.10g}", "tick", "start"))
    return _svg(head + "".join(parts), TITLE + 12 + row * len(values), spoken)


def interval_chart(intervals: Mapping[str, tuple[float, float, float]], title: str, unit: str = "") -> str:
    """Numbers with the intervals about them, one below the other on a common axis.

    Args:
        intervals: (value, low, high) by name; low and high are the value where there is no interval.
        title: Heading.
        unit: What stands beside it.

    Example:
        >>> interval_chart({"a": (1, 0.5, 1.5), "b": (2, 1, 3)}, "Distance").count("<circle")
        2
    """
    named = [(name if len(name) <= 24 else f"{name[:23]}…", numbers) for name, numbers in intervals.items()]
    row, left, right = 24, 16 + LETTER * max((len(name) for name, _ in named), default=0), 84
    finite = np.array([numbers for _, numbers in named if np.isfinite(numbers).all()], dtype=float)
    head, top, spoken = _head(title, unit), TITLE + 8, f"{title}: {', '.join(intervals)}"
    across = value_scale([finite.ravel()], [finite.ravel()], log=False) if finite.size else Scale(0.0, 1.0)
    bottom, width, parts = top + row * len(named), WIDTH - left - right, []
    for tick in across.ticks(4):
        x = left + float(across.place(np.array(tick))) * width
        parts.append(f'<line class="grid" x1="{x:.2f}" x2="{x:.2f}" y1="{top}" y2="{bottom}" stroke="#e4e1da"/>')
        parts.append(_text(x, bottom + 17, short(tick), "tick", "middle"))
    for index, (name, (value, low, high)) in enumerate(named):
        y, kind, colour = top + row * (index + 0.5), f"s{index % len(COLOURS)}", COLOURS[index % len(COLOURS)]
        parts.append(_text(left - 10, y + 4, name, "name", "end"))
        parts.append(_text(WIDTH - right + 10, y + 4, short(float(f"{value:.4g}")), "value", "start"))
        if np.isfinite((value, low, high)).all():
            at, start, end = (left + float(across.place(np.array(number))) * width for number in (value, low, high))
            parts.append(
                f"<g><title>{escape(name)}: {value:.4g}, interval {low:.4g} to {high:.4g}</title>"
                f'<path class="whisker {kind}" d="M{start:.2f} {y}H{end:.2f}M{start:.2f} {y - 4}v8M{end:.2f} {y - 4}v8"'
                f' stroke="{colour}" stroke-width="1.8" fill="none"/>'
                f'<circle class="dot {kind}" cx="{at:.2f}" cy="{y}" r="4" fill="{colour}"/></g>'
            )
    return _svg(head + "".join(parts), bottom + 26, spoken)


def _upright(values: Mapping[str, float], largest: float) -> str:
    height, step = 120.0, (WIDTH - LEFT - RIGHT) / len(values)
    parts = [
        _bar(LEFT + index * step, TITLE + 10 + height * (1 - value / largest), max(step - 1, step * 0.7),
             height * value / largest, f"{name}: {value:,.10g}")
        for index, (name, value) in enumerate(values.items())
    ]  # fmt: skip
    parts += [
        _text(LEFT - 6, TITLE + 10 + height * (1 - share) + 4, short(largest * share), "tick", "end")
        for share in (0, 0.5, 1)
    ]
    parts.append(_text(LEFT, TITLE + 28 + height, f"{len(values):,} bars", "label", "start"))
    return "".join(parts)


def _array(points: Points) -> np.ndarray:
    """x and y in the order of x; numbers too large to compute with are infinite.  # [2, n] float64"""
    array = np.array([(float(x), float(y)) for x, y in points], dtype=float).reshape(-1, 2).T
    array = np.where(np.abs(array) > LARGEST, np.inf, array)
    return array[:, np.argsort(array[0], kind="stable")]


def _cut(points: np.ndarray, log: bool) -> list[np.ndarray]:
    """The stretches between values that cannot be drawn."""
    good = np.isfinite(points).all(axis=0)
    if log:
        good &= points[1] > 1 / LARGEST
    edges = np.flatnonzero(np.diff(good)) + 1
    return [
        part for part, keep in zip(np.split(points, edges, axis=1), np.split(good, edges), strict=True) if keep.any()
    ]


def _smoothed(run: np.ndarray, log: bool) -> np.ndarray:
    """The mean of a moving median, both centred: it does not lag, and one wild value does not make a box of it."""
    count = run.shape[1]
    if count < SMOOTH_FROM:
        return run
    half = max(1, count // SMOOTH_SHARE // 2)
    values = np.log(run[1]) if log else run[1]
    for centre in (np.median, np.mean):
        padded = np.pad(values, half, mode="symmetric")
        values = centre(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return np.stack([run[0], np.exp(values) if log else values])


def _thinned(run: np.ndarray) -> np.ndarray:
    """The lowest and the highest point of each bucket, in order: peaks survive."""
    count = run.shape[1]
    if count <= 2 * BUCKETS:
        return run
    keep = {0, count - 1}
    for bucket in np.array_split(np.arange(count), BUCKETS):
        keep |= {int(bucket[run[1, bucket].argmin()]), int(bucket[run[1, bucket].argmax()])}
    return run[:, sorted(keep)]


def _last(points: np.ndarray, course: Sequence[np.ndarray]) -> str:
    """Where a line ends, in words."""
    if points.size and not np.isfinite(points[1, -1]):
        return "not finite"
    return short(float(f"{course[-1][1, -1]:.3g}")) if course else "–"


def _line(
    name: str, index: int, raw: Sequence[np.ndarray], course: Sequence[np.ndarray], across: Scale, up: Scale
) -> str:
    kind, colour = f"s{index % len(COLOURS)}", COLOURS[index % len(COLOURS)]
    parts = []
    if any(calm is not run for calm, run in zip(course, raw, strict=True)):
        parts.append(
            f'<path class="faint {kind}" d="{_path(raw, across, up)}" fill="none" stroke="{colour}" opacity=".25"/>'
        )
    parts.append(
        f'<path class="line {kind}" data-name="{escape(name)}" d="{_path(course, across, up)}" fill="none" '
        f'stroke="{colour}" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/>'
    )
    if sum(run.shape[1] for run in raw) <= FEW:
        for x, y in (point for run in course for point in _placed(run, across, up)):
            parts.append(f'<circle class="dot {kind}" cx="{x:.2f}" cy="{y:.2f}" r="2.6" fill="{colour}"/>')
    return "".join(parts)


def _path(runs: Sequence[np.ndarray], across: Scale, up: Scale) -> str:
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in _placed(_thinned(run), across, up)) for run in runs)


def _placed(run: np.ndarray, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """Pixels in the plot; a far outlier stays within what an SVG coordinate can hold."""
    x = across.place(run[0]) * (WIDTH - LEFT - RIGHT)
    y = np.clip((1 - up.place(run[1])) * PLOT_HEIGHT, -PLOT_HEIGHT, 2 * PLOT_HEIGHT)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _crosses(points: np.ndarray, index: int, across: Scale) -> str:
    bad = np.unique(points[0, np.isfinite(points[0]) & ~np.isfinite(points[1])])[:20]
    kind, colour = f"s{index % len(COLOURS)}", COLOURS[index % len(COLOURS)]
    places = np.clip(across.place(bad), 0, 1) * (WIDTH - LEFT - RIGHT)
    return "".join(
        f'<path class="cross {kind}" d="M{x - 4:.2f} 3l8 8m0 -8l-8 8" stroke="{colour}" stroke-width="1.8">'
        f"<title>not finite at {short(at)}</title></path>"
        for x, at in zip(places.tolist(), bad.tolist(), strict=True)
    )


def _rules(across: Scale, marks: Sequence[tuple[float, str]]) -> str:
    parts = []
    for at, label in marks:
        x = float(across.place(np.array(at))) * (WIDTH - LEFT - RIGHT)
        if 0 <= x <= WIDTH - LEFT - RIGHT:
            parts.append(
                f'<line class="mark" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{PLOT_HEIGHT}" stroke="#999" '
                f'stroke-dasharray="2 3"><title>{escape(label)} at {short(at)}</title></line>'
            )
    return "".join(parts)


def _axes(across: Scale, up: Scale, x_label: str, top: float) -> str:
    right, bottom, parts = WIDTH - RIGHT, top + PLOT_HEIGHT, []
    for tick in up.ticks(5):
        y = bottom - float(up.place(np.array(tick))) * PLOT_HEIGHT
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.2f}" y2="{y:.2f}" stroke="#e4e1da"/>')
        parts.append(_text(LEFT - 7, y + 4, short(tick), "tick", "end"))
    for tick in across.ticks(5):
        x = LEFT + float(across.place(np.array(tick))) * (right - LEFT)
        parts.append(f'<line class="axis" x1="{x:.2f}" x2="{x:.2f}" y1="{bottom}" y2="{bottom + 4}" stroke="#8a867d"/>')
        parts.append(_text(x, bottom + 17, short(tick), "tick", "middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#8a867d"/>')
    parts.append(_text(right, bottom + 34, x_label, "label", "end"))
    return "".join(parts)


def _legend(last: Mapping[str, str]) -> tuple[str, int]:
    """The legend, and where the plot starts below it."""
    parts, x, row = [], 0.0, 0
    for index, (name, value) in enumerate(last.items()):
        width = 24 + LETTER * (len(name) + len(value) + 2) + 14
        if x and x + width > WIDTH:
            x, row = 0.0, row + 1
        y, colour = TITLE + 14 + row * LEGEND_ROW, COLOURS[index % len(COLOURS)]
        parts.append(
            f'<line class="key s{index % len(COLOURS)}" x1="{x:.1f}" x2="{x + 14:.1f}" y1="{y - 4}" y2="{y - 4}" '
            f'stroke="{colour}" stroke-width="3"/>'
            f'<text class="name" x="{x + 20:.1f}" y="{y}" font-size="12" fill="#45433e">{escape(name)}'
            f'<tspan class="value" dx="6" fill="#77736a">{escape(value)}</tspan></text>'
        )
        x += width
    return "".join(parts), TITLE + 14 + (row + 1) * LEGEND_ROW if last else TITLE + 14


def _head(title: str, unit: str) -> str:
    return (
        f'<text class="title" x="0" y="16" font-size="14" font-weight="600" '
        f'fill="#1f1e1b">{escape(title)}<tspan class="unit" dx="7" font-size="12" font-weight="400" fill="#77736a">'
        f"{escape(unit)}</tspan></text>"
    )


def _bar(x: float, y: float, width: float, height: float, description: str) -> str:
    return (
        f'<rect class="bar" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" rx="1.5" '
        f'fill="{COLOURS[0]}"><title>{escape(description)}</title></rect>'
    )


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" '
        f'fill="#5f5b53">{escape(text)}</text>'
    )


def _svg(content: str, height: float, spoken: str) -> str:
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(spoken)}" font-family="system-ui, sans-serif">{content}</svg>'
    )
