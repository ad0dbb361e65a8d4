"""Charts as SVG: they need no library to draw and none to show.

Every element is made by one function that escapes what it is given, so no name of a user's is ever markup. A chart
carries plain colours as attributes, so it is right on its own in a light picture viewer; the pages' style sheet
overrides them by class and follows into the dark. The pages' script reads values back from the paths under the pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, isnan

import numpy as np
from markupsafe import Markup

from belamy.pages.scales import (
    Points,
    Scale,
    in_order,
    logarithmic,
    short,
    smoothed,
    step_scale,
    stretches,
    thinned,
    value_scale,
)  # fmt: skip

Bounds = tuple[float, float | None, float | None]
"""A value, and the low and high end of its interval; an end that is None is not known."""

WIDTH, PLOT_HEIGHT = 520, 210
LEFT, RIGHT, BOTTOM, TITLE = 50, 14, 40, 26
LEGEND_ROW, LETTER = 18, 7.3  # pixels; a letter's width is estimated, with room for the larger type on telephones
COLOURS = ("#2c6496", "#c2512f", "#3c7d57", "#86589b", "#a97815", "#2b8a94", "#8b5e4b", "#667080")
INK, SOFT, FAINT = "#1f1e1b", "#5f5b53", "#77736a"
GRID, AXIS = {"class_": "grid", "stroke": "#e4e1da"}, {"class_": "axis", "stroke": "#8a867d"}
MARK = {"class_": "mark", "stroke": "#999", "stroke_dasharray": "2 3"}
FEW = 40  # points up to this number are drawn as dots too
BARS_BY_NAME = 24  # more bars than this are too many to name
APART = 7  # pixels between the intervals of one row


def line_chart(
    series: Mapping[str, Points], title: str, x_label: str, y_label: str, log_y: bool | None = False,
    marks: Sequence[tuple[float, str]] = (), smooth: bool = True,
) -> Markup:  # fmt: skip
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
        Markup('<svg')
    """
    arrays = {name: in_order(points) for name, points in series.items()}
    log = logarithmic([points[1] for points in arrays.values()], log_y)
    shown = {name: stretches(points, log) for name, points in arrays.items()}
    course = {name: [smoothed(run, log) if smooth else run for run in shown[name]] for name in series}
    runs = [run for segments in shown.values() for run in segments]
    legend, top = _legend({name: _last(arrays[name], course[name]) for name in series})
    height, spoken = top + PLOT_HEIGHT + BOTTOM, f"{title}: {', '.join(series)}"
    if not runs:
        legend.append(_text(WIDTH / 2, top + PLOT_HEIGHT / 2, "no finite values", "note", "middle"))
        return _chart(title, y_label, legend, height, spoken)
    across = step_scale(min(float(run[0, 0]) for run in runs), max(float(run[0, -1]) for run in runs))
    up = value_scale([run[1] for run in runs], [run[1] for name in series for run in course[name]], log)
    body = _rules(across, marks)
    for index, name in enumerate(series):
        body += _line(name, index, shown[name], course[name], across, up)
        body += _crosses(arrays[name], index, across)
    plot = tag(
        "svg", *body, class_="plot", x=LEFT, y=top, width=WIDTH - LEFT - RIGHT, height=PLOT_HEIGHT,
        data_x=f"{across.low!r} {across.high!r}", data_y=f"{up.low!r} {up.high!r}", data_log=int(up.log),
        data_along=x_label,
    )  # fmt: skip
    return _chart(title, y_label, [*legend, *_axes(across, up, x_label, top), plot], height, spoken)


def bar_chart(values: Mapping[str, float], title: str, value_label: str) -> Markup:
    """One bar for each value: lying and named, or, beyond 24, upright with the name on hover.

    Example:
        >>> bar_chart({"cat": 3, "dog": 5}, "Classes", "images").count("<rect")
        2
    """
    finite = {name: value if isfinite(value) and value > 0 else 0.0 for name, value in values.items()}
    largest = max(finite.values(), default=0.0) or 1.0
    spoken, parts = f"{title}: {len(values)} bars", []
    if len(values) > BARS_BY_NAME:
        return _chart(title, value_label, _upright(finite, largest), TITLE + 156, spoken)
    row, left, right = 20, 24 + _widest(values, 22), 64
    for index, (name, value) in enumerate(finite.items()):
        y, length = TITLE + 6 + index * row, (WIDTH - left - right) * value / largest
        parts.append(_text(left - 8, y + 13, _cut_short(name, 22), "name", "end"))
        parts.append(_bar(left, y + 3, length, row - 6, f"{name}: {value:,.10g}"))
        parts.append(_text(left + length + 6, y + 13, f"{value:,.10g}", "tick"))
    return _chart(title, value_label, parts, TITLE + 12 + row * len(values), spoken)


def interval_chart(
    rows: Mapping[str, Sequence[Bounds]], title: str, unit: str = "", span: tuple[float, float] | None = None,
    mark: float | None = None, legend: Sequence[str] = (), per_cent: bool = False, width: int = WIDTH,
) -> Markup:  # fmt: skip
    """Numbers with the intervals about them, one row below the other on a common axis.

    Args:
        rows: Intervals by row, in the order of the legend; a missing end of one is drawn to the edge.
        title: Heading.
        unit: What stands beside it.
        span: Least and largest number along, at least; by default as the numbers are.
        mark: A number to mark, such as chance.
        legend: What each interval of a row is; without it rows have the colours.
        per_cent: Whether numbers are shares.
        width: Of the chart, in pixels.

    Example:
        >>> interval_chart({"a": [(1, 0.5, 1.5)], "b": [(2, 1, 3)]}, "Distance").count("<circle")
        2
    """
    ends = [number for row in rows.values() for each in row for number in each if number is not None]
    finite = np.array([number for number in ends if isfinite(number)] or [0.0, 1.0], dtype=float)
    across = value_scale([finite], [finite], log=False)
    if span:
        across = Scale(min(span[0], float(finite.min())), max(span[1], float(finite.max())))
    keys, top = _legend(dict.fromkeys(legend, "")) if legend else ([], TITLE + 8)
    left, right = 16 + _widest(rows, 28), width - 76
    place = _placer(across, left, right)
    step = 24 + 6 * max((len(row) - 1 for row in rows.values()), default=0)
    bottom = top + step * len(rows)
    parts = [*keys, *_grid(across, place, top, bottom, 4 if width == WIDTH else 7, per_cent)]
    if mark is not None:
        parts.append(_rule(place(mark), place(mark), top, bottom, f"{mark:g}", **MARK))
    for index, (name, row) in enumerate(rows.items()):
        y = top + step * (index + 0.5)
        parts.append(_name(left - 10, y + 4, name, 28))
        if row and not isnan(row[0][0]):
            said = f"{row[0][0]:.1%}" if per_cent else short(float(f"{row[0][0]:.4g}"))
            parts.append(_text(right + 10, y + 4, said, "value"))
        for line, each in enumerate(row):
            offset = APART * (line - (len(row) - 1) / 2)
            words = f"{name}: {legend[line]}" if legend else name
            parts += _whisker(each, place, (left, right), y + offset, line if legend else index, words)
    return _chart(title, unit, parts, bottom + 26, f"{title}: {', '.join(rows)}", width)


def curve_chart(
    points: Mapping[str, Mapping[float, Bounds]], title: str, unit: str, along: str, curve: Points = ()
) -> Markup:
    """Shares with upright intervals over a logarithmic axis, a curve through them, and a rule at one half.

    Args:
        points: Intervals by place, by series.
        title: Heading.
        unit: What is up.
        along: What is along.
        curve: (place, share) of a curve.
    """
    places = sorted({place for each in points.values() for place in each})
    across = Scale(places[0] / 1.15, places[-1] * 1.15, log=True)
    legend, top = _legend(dict.fromkeys(points, ""))
    right, bottom = WIDTH - RIGHT, top + PLOT_HEIGHT
    x, y = _placer(across, LEFT, right), _placer(Scale(0, 1), bottom, top)
    parts = list(legend)
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_rule(LEFT, right, y(share), y(share), **GRID))
        parts.append(_text(LEFT - 7, y(share) + 4, f"{share:.0%}", "tick", "end"))
    parts.append(_rule(LEFT, right, y(0.5), y(0.5), **MARK))
    parts += [_text(x(place), bottom + 17, short(place), "tick", "middle") for place in places]
    parts.append(_text(right, bottom + 36, along, "label", "end"))
    if curve:
        path = "M" + "L".join(f"{x(place):.1f} {y(share):.1f}" for place, share in curve)
        parts.append(tag("path", **_hue("line", 0), d=path, fill="none", stroke_width=1.8))
    for index, (name, held) in enumerate(points.items()):
        shift = (index - (len(points) - 1) / 2) * APART
        for place, bounds in held.items():
            parts += _whisker(bounds, y, (bottom, top), x(place) + shift, index, name, upright=True)
    return _chart(title, unit, parts, bottom + BOTTOM, f"{title}: {', '.join(points)}")


def box_chart(groups: Mapping[str, Sequence[float]], title: str, unit: str, mark: float | None = None) -> Markup:
    """A lying box for each group: quartiles, median, whiskers over all values, and each value as a dot.

    Values that are infinite count in the quartiles and are told at the right edge.

    Args:
        groups: Values by label; lower is better.
        title: Heading.
        unit: What is along.
        mark: A value to mark, which real images reach.

    Example:
        >>> box_chart({"a": [1.0, 2.0, 3.0]}, "Distances", "lower is better").count("<circle")
        3
    """
    width, step, top, right = 1040, 34, 34, 60
    every = [x for values in groups.values() for x in values if isfinite(x)] + ([] if mark is None else [mark])
    bottom = top + step * len(groups)
    if not every:
        nothing = _text(width / 2, top + step / 2, "no finite values yet", "note", "middle")
        return _chart(title, unit, [nothing], bottom + 44, title, width)
    left, arrays = 16 + _widest(groups, 44), [np.array(every, dtype=float)]
    along = value_scale(arrays, arrays, logarithmic(arrays, None))
    place = _placer(along, left, width - right)
    parts = _grid(along, place, top, bottom, 8)
    parts.append(_rule(left, width - right, bottom, bottom, **AXIS))
    if mark is not None:
        parts.append(_rule(place(mark), place(mark), top, bottom, f"real images: {short(mark)}", **MARK))
    for index, (label, values) in enumerate(groups.items()):
        y = top + step * (index + 0.5)
        parts.append(_name(left - 10, y + 4, label, 44))
        finite = sorted(x for x in values if isfinite(x))
        parts += _box(values, finite, index, y, place) if finite else []
        if failed := len(values) - len(finite):
            parts.append(_text(width - 2, y + 4, f"{failed} failed", "tick failed", "end"))
    return _chart(title, unit, parts, bottom + 44, f"{title}: {', '.join(groups)}", width)


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """An element; what is inside and its attributes are escaped unless they are elements themselves.

    Example:
        >>> tag("text", "a < b", class_="tick", x=1.234)
        Markup('<text class="tick" x="1.23">a &lt; b</text>')
    """
    said = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
    )
    content = Markup("").join(inside)
    return Markup("<{0}{1}>{2}</{0}>" if inside else "<{0}{1}/>").format(name, said, content)


def _chart(title: str, unit: str, parts: Sequence[Markup], height: float, spoken: str, width: int = WIDTH) -> Markup:
    kicker = tag("tspan", unit, class_="unit", dx=7, font_size=12, font_weight=400, fill=FAINT)
    head = tag("text", title, kicker, class_="title", x=0, y=16, font_size=14, font_weight=600, fill=INK)
    return tag(
        "svg", head, *parts, class_="chart" if width == WIDTH else "chart wide", xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height:.0f}", role="img", aria_label=spoken, font_family="system-ui, sans-serif",
    )  # fmt: skip


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> Markup:
    return tag("text", text, class_=kind, x=x, y=y, font_size=12, text_anchor=anchor, fill=SOFT)


def _name(x: float, y: float, name: str, most: int) -> Markup:
    """A row's name, shortened, and whole on hover."""
    return tag("g", tag("title", name), _text(x, y, _cut_short(name, most), "name", "end"))


def _rule(x1: float, x2: float, y1: float, y2: float, words: str = "", **style: object) -> Markup:
    return tag("line", *([tag("title", words)] if words else []), x1=x1, x2=x2, y1=y1, y2=y2, **style)


def _bar(x: float, y: float, width: float, height: float, words: str) -> Markup:
    style = {"class_": "bar", "rx": 1.5, "fill": COLOURS[0]}
    return tag("rect", tag("title", words), x=x, y=y, width=width, height=height, **style)


def _dot(x: float, y: float, index: int, size: float, words: str = "") -> Markup:
    inside = [tag("title", words)] if words else []
    return tag("circle", *inside, **_hue("dot", index, "fill"), cx=x, cy=y, r=size)


def _whisker(
    bounds: Bounds, place: Callable[[float], float], edges: tuple[float, float], across: float, index: int, name: str,
    upright: bool = False,
) -> list[Markup]:  # fmt: skip
    """A dot and the interval about it along an axis; an end that is not known is drawn to the edge."""
    if not all(isfinite(number) for number in bounds if number is not None):
        return []
    first, last = (edge if end is None else place(end) for edge, end in zip(edges, bounds[1:], strict=True))
    known = [place(end) for end in bounds[1:] if end is not None and not upright]
    caps = "".join(f"M{at:.2f} {across - 4:.2f}v8" for at in known)
    way = f"M{across:.2f} {first:.2f}V{last:.2f}" if upright else f"M{first:.2f} {across:.2f}H{last:.2f}{caps}"
    low, high = ("?" if end is None else f"{end:.4g}" for end in bounds[1:])
    words = f"{name}: {bounds[0]:.4g}, interval {low} to {high}"
    path = tag("path", tag("title", words), **_hue("whisker", index), d=way, stroke_width=1.8, fill="none")
    x, y = (across, place(bounds[0])) if upright else (place(bounds[0]), across)
    return [path, _dot(x, y, index, 4, words)]


def _box(
    values: Sequence[float], finite: Sequence[float], index: int, y: float, place: Callable[[float], float]
) -> list[Markup]:
    ordered = np.sort(np.array(values, dtype=float))
    low, median, high = (min(_quantile(ordered, share), finite[-1]) for share in (0.25, 0.5, 0.75))
    hue, box = _hue("line", index), _hue("box", index) | _hue("box", index, "fill")
    wide, words = max(place(high) - place(low), 1.0), f"median {short(_quantile(ordered, 0.5))}"
    return [
        _rule(place(finite[0]), place(finite[-1]), y, y, **hue),
        tag("rect", x=place(low), y=y - 9, width=wide, height=18, **box, rx=2, fill_opacity=0.16),
        _rule(place(median), place(median), y - 9, y + 9, words, **hue, stroke_width=2.6),
        *(_dot(place(x), y, index, 2.8, short(x)) for x in finite),
    ]


def _quantile(ordered: np.ndarray, share: float) -> float:
    """By linear interpolation; infinite where it touches an infinite value."""
    place = share * (len(ordered) - 1)
    low, high = float(ordered[int(place)]), float(ordered[-int(-place // 1)])
    return low if low == high else low + (place - int(place)) * (high - low)


def _upright(values: Mapping[str, float], largest: float) -> list[Markup]:
    height, step = 120.0, (WIDTH - LEFT - RIGHT) / len(values)
    parts = [
        _bar(LEFT + index * step, TITLE + 10 + height * (1 - value / largest), max(step - 1, step * 0.7),
             height * value / largest, f"{name}: {value:,.10g}")
        for index, (name, value) in enumerate(values.items())
    ]  # fmt: skip
    for share in (0, 0.5, 1):
        parts.append(_text(LEFT - 6, TITLE + 14 + height * (1 - share), short(largest * share), "tick", "end"))
    return [*parts, _text(LEFT, TITLE + 28 + height, f"{len(values):,} bars", "label")]


def _line(
    name: str, index: int, raw: Sequence[np.ndarray], course: Sequence[np.ndarray], across: Scale, up: Scale
) -> list[Markup]:
    parts = []
    if any(calm is not run for calm, run in zip(course, raw, strict=True)):
        parts.append(tag("path", **_hue("faint", index), d=_path(raw, across, up), fill="none", opacity=0.25))
    style = _hue("line", index) | {"fill": "none", "stroke_linejoin": "round", "stroke_linecap": "round"}
    parts.append(tag("path", data_name=name, d=_path(course, across, up), **style, stroke_width=1.8))
    if sum(run.shape[1] for run in raw) <= FEW:
        parts += [_dot(x, y, index, 2.6) for run in course for x, y in _placed(run, across, up)]
    return parts


def _path(runs: Sequence[np.ndarray], across: Scale, up: Scale) -> str:
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in _placed(thinned(run), across, up)) for run in runs)


def _placed(run: np.ndarray, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """Pixels in the plot; a far outlier stays within what an SVG coordinate can hold."""
    x = across.place(run[0]) * (WIDTH - LEFT - RIGHT)
    y = np.clip((1 - up.place(run[1])) * PLOT_HEIGHT, -PLOT_HEIGHT, 2 * PLOT_HEIGHT)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _crosses(points: np.ndarray, index: int, across: Scale) -> list[Markup]:
    bad = np.unique(points[0, np.isfinite(points[0]) & ~np.isfinite(points[1])])[:20]
    places = np.clip(across.place(bad), 0, 1) * (WIDTH - LEFT - RIGHT)
    return [
        tag("path", tag("title", f"not finite at {short(at)}"), **_hue("cross", index),
            d=f"M{x - 4:.2f} 3l8 8m0 -8l-8 8", stroke_width=1.8)
        for x, at in zip(places.tolist(), bad.tolist(), strict=True)
    ]  # fmt: skip


def _rules(across: Scale, marks: Sequence[tuple[float, str]]) -> list[Markup]:
    place = _placer(across, 0, WIDTH - LEFT - RIGHT)
    inside = [(at, label) for at, label in marks if across.low <= at <= across.high]
    return [_rule(place(at), place(at), 0, PLOT_HEIGHT, f"{label} at {short(at)}", **MARK) for at, label in inside]


def _axes(across: Scale, up: Scale, x_label: str, top: float) -> list[Markup]:
    right, bottom, parts = WIDTH - RIGHT, top + PLOT_HEIGHT, []
    x, y = _placer(across, LEFT, right), _placer(up, bottom, top)
    for tick in up.ticks(5):
        parts.append(_rule(LEFT, right, y(tick), y(tick), **GRID))
        parts.append(_text(LEFT - 7, y(tick) + 4, short(tick), "tick", "end"))
    for tick in across.ticks(5):
        parts.append(_rule(x(tick), x(tick), bottom, bottom + 4, **AXIS))
        parts.append(_text(x(tick), bottom + 17, short(tick), "tick", "middle"))
    parts.append(_rule(LEFT, right, bottom, bottom, **AXIS))
    return [*parts, _text(right, bottom + 34, x_label, "label", "end")]


def _grid(
    along: Scale, place: Callable[[float], float], top: float, bottom: float, count: int, per_cent: bool = False
) -> list[Markup]:
    """Upright rules over the whole height, with their numbers below."""
    parts = []
    for tick in along.ticks(count):
        parts.append(_rule(place(tick), place(tick), top, bottom, **GRID))
        parts.append(_text(place(tick), bottom + 17, f"{tick:.0%}" if per_cent else short(tick), "tick", "middle"))
    return parts


def _legend(last: Mapping[str, str]) -> tuple[list[Markup], int]:
    """A key for each name with its last value, and where the plot starts below them."""
    parts, x, row = [], 0.0, 0
    for index, (name, value) in enumerate(last.items()):
        width = 38 + LETTER * (len(name) + len(value) + 2)
        if x and x + width > WIDTH:
            x, row = 0.0, row + 1
        y = TITLE + 14 + row * LEGEND_ROW
        parts.append(_rule(x, x + 14, y - 4, y - 4, **_hue("key", index), stroke_width=3))
        told = tag("tspan", value, class_="value", dx=6, fill=FAINT)
        parts.append(tag("text", name, told, class_="name", x=x + 20, y=y, font_size=12, fill=SOFT))
        x += width
    return parts, TITLE + 14 + (row + 1) * LEGEND_ROW if last else TITLE + 14


def _placer(scale: Scale, first: float, last: float) -> Callable[[float], float]:
    """From numbers to pixels between the two ends of an axis."""
    return lambda value: first + float(np.clip(scale.place(np.array(value)), 0, 1)) * (last - first)


def _last(points: np.ndarray, course: Sequence[np.ndarray]) -> str:
    """Where a line ends, in words."""
    if points.size and not np.isfinite(points[1, -1]):
        return "not finite"
    return short(float(f"{course[-1][1, -1]:.3g}")) if course else "–"


def _widest(names: Mapping[str, object], most: int) -> float:
    return LETTER * min(most, max(map(len, names), default=0))


def _cut_short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _hue(kind: str, index: int, paint: str = "stroke") -> dict[str, str]:
    """Class and colour of a part of a series."""
    return {"class_": f"{kind} s{index % len(COLOURS)}", paint: COLOURS[index % len(COLOURS)]}


def _number(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
