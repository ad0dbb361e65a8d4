"""Charts: well-formed, true to the numbers, and safe against the names in them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from belamy.pages.charts import PLOT_HEIGHT, bar_chart, box_chart, curve_chart, interval_chart, line_chart, tag
from belamy.pages.scales import Scale, short

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def lines(svg: str, kind: str = "line") -> list[list[np.ndarray]]:
    """Of each path, its runs.  # [n, 2] pixels"""
    paths = [path for path in parsed(svg).iter(f"{SVG}path") if path.get("class", "").split()[0] == kind]
    return [
        [np.array([point.split() for point in run.split("L")], dtype=float) for run in path.get("d").split("M")[1:]]
        for path in paths
    ]


def drawn_values(svg: str) -> np.ndarray:
    """The (x, y) that the first line of a chart shows, read back from its pixels as the page's script does."""
    plot = next(element for element in parsed(svg).iter(f"{SVG}svg") if element.get("class") == "plot")
    (left, right), (low, high) = (map(float, plot.get(key).split()) for key in ("data-x", "data-y"))
    pixels = np.concatenate(lines(svg)[0])
    x = left + pixels[:, 0] / float(plot.get("width")) * (right - left)
    share = 1 - pixels[:, 1] / PLOT_HEIGHT
    return np.stack([x, low * (high / low) ** share if plot.get("data-log") == "1" else low + share * (high - low)])


@pytest.mark.parametrize("log_y", [False, True, None])
def test_a_line_stands_where_its_numbers_are(log_y: bool | None) -> None:
    points = [(100.0 * i, 3.0 * 0.8**i) for i in range(30)]
    shown = drawn_values(line_chart({"loss": points}, "Loss", "samples", "nats", log_y))
    np.testing.assert_allclose(shown[0], [x for x, _ in points], atol=0.2)
    np.testing.assert_allclose(shown[1], [y for _, y in points], atol=1e-3, rtol=1e-3)


def test_every_series_is_named_with_its_last_value() -> None:
    series = {f"loss.{index}": [(0, 1.0), (1, index + 0.5)] for index in range(11)}
    text = "".join(parsed(line_chart(series, "Title", "along", "up")).itertext())
    for index in range(11):
        assert f"loss.{index}{short(index + 0.5)}" in text
    assert all(word in text for word in ("Title", "along", "up"))


@pytest.mark.parametrize("log_y", [False, True, None])
@pytest.mark.parametrize(
    "values",
    [
        [], [1.0], [0.0], [2.0] * 5, [0.0] * 5, [-3.0, -3.0], [float("nan")] * 3, [float("inf"), 1.0, float("nan"), 2],
        [1e-300, 1e300], [-1e308, 1e308], [1e-9] * 3, [5e-324, 1.0], list(np.linspace(-1, 1, 3000)),
        [1.0, *[float("nan")] * 100, 2.0],
    ],
)  # fmt: skip
def test_awkward_numbers_make_a_sound_chart(values: list[float], log_y: bool | None) -> None:
    svg = line_chart({"a": list(enumerate(values)), "b": [], "c": [(0, 1.0)]}, "T", "x", "y", log_y)
    for element in parsed(svg).iter():
        assert not any("nan" in value or "inf" in value for key, value in element.attrib.items() if key != "aria-label")
    assert all(np.isfinite(run).all() for path in lines(svg) for run in path)


def test_values_that_are_not_finite_break_the_line_and_are_marked() -> None:
    svg = line_chart({"loss": [(0, 1), (1, 2), (2, float("nan")), (3, 3), (4, float("-inf"))]}, "T", "x", "y")
    assert [len(run) for run in lines(svg)[0]] == [2, 1]
    crosses = [path for path in parsed(svg).iter(f"{SVG}path") if "cross" in path.get("class")]
    assert [cross.find(f"{SVG}title").text for cross in crosses] == ["not finite at 2", "not finite at 4"]
    assert "lossnot finite" in "".join(parsed(svg).itertext())


def test_many_points_are_thinned_and_peaks_survive() -> None:
    values = np.zeros(50_000)
    values[31_234] = 7.0
    svg = line_chart({"loss": list(enumerate(values))}, "T", "x", "y", smooth=False)
    assert len(svg) < 60_000
    assert drawn_values(svg)[1].max() == pytest.approx(7.0, abs=0.05)


def test_the_course_is_smooth_unbiased_and_keeps_both_ends() -> None:
    x = np.arange(2000)
    noise = np.random.default_rng(0).normal(0, 0.5, 2000)
    noise[700] = 1000.0
    svg = line_chart({"loss": list(zip(x, 3 + x / 1000 + noise, strict=True))}, "T", "x", "y")
    shown = drawn_values(svg)
    assert shown[0, [0, -1]] == pytest.approx([0, 1999], abs=1)
    assert np.abs(shown[1] - 3 - shown[0] / 1000).max() < 0.35  # the noise was 0.5, and one value 1,000
    assert len(lines(svg, "faint")) == 1
    assert not lines(line_chart({"loss": [(i, i) for i in range(20)]}, "T", "x", "y"), "faint")


def test_marks_stand_at_their_samples() -> None:
    svg = line_chart({"a": [(0, 1), (100, 2)]}, "T", "x", "y", marks=[(50, "resume"), (900, "beyond")])
    plot = next(element for element in parsed(svg).iter(f"{SVG}svg") if element.get("class") == "plot")
    marks = [line for line in plot.iter(f"{SVG}line") if line.get("class") == "mark"]
    assert [(float(line.get("x1")) / float(plot.get("width"))) for line in marks] == [0.5]
    assert marks[0].find(f"{SVG}title").text == "resume at 50"


def test_bars_are_as_long_as_their_values_and_say_them() -> None:
    svg = parsed(bar_chart({"cat": 30, "dog": 60, "none": 0, "a class with a very long name": 15}, "T", "images"))
    widths = [float(bar.get("width")) for bar in svg.iter(f"{SVG}rect")]
    assert np.array(widths) / widths[1] == pytest.approx([0.5, 1, 0, 0.25], abs=1e-3)
    text = "".join(svg.itertext())
    assert "cat: 30" in text and "a class with a very long name: 15" in text
    many = parsed(bar_chart({f"class {index}": index for index in range(1000)}, "T", "images"))
    heights = [float(bar.get("height")) for bar in many.iter(f"{SVG}rect")]
    assert heights == sorted(heights) and len(heights) == 1000
    parsed(bar_chart({}, "T", "images"))
    parsed(bar_chart({"a": float("nan"), "b": 0}, "T", "images"))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.37, 0.41), (1, 9e6), (1e-9, 3e-9), (0.002, 17)])
def test_ticks_are_few_round_and_inside(low: float, high: float, log: bool) -> None:
    low = low or (1e-3 if log else 0)
    ticks = Scale(low, high, log).ticks(5)
    assert 3 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))
    assert all(low * (1 - 1e-9) <= tick <= high * (1 + 1e-9) for tick in ticks)
    assert len({short(tick) for tick in ticks}) == len(ticks)


def circles(svg: str) -> list[float]:
    return [float(dot.get("cx")) for dot in ElementTree.fromstring(svg).iter(f"{SVG}circle")]


def test_an_element_escapes_what_it_is_given() -> None:
    made = tag("text", "<b>", tag("tspan", "&"), class_='"', data_x=1.005)
    assert made == '<text class="&#34;" data-x="1">&lt;b&gt;<tspan>&amp;</tspan></text>'
    assert tag("rect", x=-0.001, y=2.5) == '<rect x="-0" y="2.5"/>'


def test_intervals_stand_at_their_values_and_open_ends_reach_the_edge() -> None:
    rows = {"a": [(0.25, 0.1, 0.4), (0.5, None, 0.6)], "b": [(0.75, 0.7, None)]}
    svg = interval_chart(rows, "T", "share", (0, 1), 0.5, ("x", "y"), per_cent=True)
    places = circles(svg)
    assert (places[1] - places[0]) == pytest.approx((places[2] - places[1]), abs=0.02)
    mark = next(line for line in ElementTree.fromstring(svg).iter(f"{SVG}line") if line.get("class") == "mark")
    assert float(mark.get("x1")) == pytest.approx(places[1], abs=0.01)
    whiskers = [path.get("d") for path in ElementTree.fromstring(svg).iter(f"{SVG}path")]
    assert [way.count("v8") for way in whiskers] == [2, 1, 1]
    text = "".join(ElementTree.fromstring(svg).itertext())
    assert all(word in text for word in ("25.0%", "75.0%", "a: x: 0.25, interval 0.1 to 0.4", "interval ? to 0.6"))


def test_intervals_that_are_not_known_are_left_out_and_their_row_stays() -> None:
    nothing = (float("nan"),) * 3
    svg = interval_chart({"a": [nothing, (0.5, 0.4, 0.6)], "b": []}, "T", legend=("x", "y"))
    assert len(circles(svg)) == 1 and "nan" not in svg and svg.count("<title>b</title>") == 1


def test_a_curve_passes_where_its_shares_are() -> None:
    points = {"right": {100.0: (0.5, 0.4, 0.6), 400.0: (1.0, 0.9, None)}}
    svg = curve_chart(points, "T", "share", "ms", [(100.0, 0.5), (400.0, 1.0)])
    path = next(
        path.get("d") for path in ElementTree.fromstring(svg).iter(f"{SVG}path") if path.get("class") == "line s0"
    )
    drawn = [tuple(map(float, point.split())) for point in path.removeprefix("M").split("L")]
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in ElementTree.fromstring(svg).iter(f"{SVG}circle")]
    assert np.array(drawn) == pytest.approx(np.array(dots), abs=0.06)
    ways = [way.get("d") for way in ElementTree.fromstring(svg).iter(f"{SVG}path") if way.get("class") == "whisker s0"]
    whiskers = [sorted(map(float, re.findall(r"[ V]([\d.]+)", way))) for way in ways]
    half = dots[0][1] - dots[1][1]  # pixels of a share of one half
    assert np.array(whiskers[0]) == pytest.approx(dots[0][1] + half * np.array([-0.2, 0.2]), abs=0.02)
    assert np.array(whiskers[1]) == pytest.approx(dots[1][1] + half * np.array([0, 0.2]), abs=0.02)  # open above


def test_boxes_count_failures_as_infinitely_bad() -> None:
    svg = box_chart({"a": [1.0, 2.0, float("inf")], "b": [1.0, 2.0, 3.0]}, "T", "unit")
    assert "median 2" in svg and svg.count("1 failed") == 1
    whole = box_chart({"a": [1.0, float("inf"), float("inf")], "b": [1.0]}, "T", "unit")
    assert "median inf" in whole


@pytest.mark.parametrize("name", ["<b>", "a & b", '"quoted"', "'", "x" * 200])
def test_every_chart_is_sound_whatever_its_names(name: str) -> None:
    for svg in (
        interval_chart({name: [(1, 0, 2)]}, name, name, legend=(name,)),
        box_chart({name: [1.0]}, name, name),
        curve_chart({name: {1.0: (0.5, 0.4, 0.6)}}, name, name, name),
        bar_chart({name: 1.0}, name, name),
        line_chart({name: [(0, 1), (1, 2)]}, name, name, name, marks=[(0.5, name)]),
    ):
        assert not {each.tag for each in ElementTree.fromstring(svg).iter()} & {f"{SVG}b"}
        assert name in "".join(ElementTree.fromstring(svg).itertext())
