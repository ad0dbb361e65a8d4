"""The report: well-formed, self-contained, safe against its own data, and true to the numbers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from belamy.runs.report import ReportFacts, render
from belamy.runs.report.curves import charts, speeds
from belamy.runs.report.plot import PLOT_HEIGHT, bar_chart, line_chart
from belamy.runs.report.scales import Scale, short
from belamy.runs.report.sections import chosen
from belamy.runs.report.words import found, rows, said
from belamy.sampling.grid import encode_png, grid

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "img", "br", "wbr", "link", "input", "source"}
EVIL = "<script>alert('1')</script>\"><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps tags, text and the addresses it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.script = "", ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"attribute twice in <{tag}>"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.script += data
        elif "style" not in self.open:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def sheet(level: int) -> bytes:
    return encode_png(grid(np.full((4, 1, 8, 8), level, dtype=np.uint8)))


def metrics(count: int = 200) -> list[dict]:
    measured = [
        {
            "samples": 64 * i,
            "step": i,
            "seconds": i * 0.5,
            "losses": {"discriminator.adversarial": 1 / i, "generator.adversarial": float(i % 7)},
            "gradient_norms": {"generator": 10.0 ** -(i / 50)},
            "speed": 128.0,
        }
        for i in range(1, count + 1)
    ]
    return [*measured, {"samples": 64 * count, "step": count, "evaluation": {"accuracy": 0.9712, "loss": 0.1}}]


def full() -> ReportFacts:
    return ReportFacts(
        recipe_name="digits",
        method="gan",
        recipe={"data": "mnist", "batch": 64, "seed": 3, "optimizer": {"name": "adam", "lr": 0.0002}},
        recipe_defaults={"data": "mnist", "batch": 32, "seed": 3, "optimizer": {"name": "adam", "lr": 0.0002}},
        provenance={
            "versions": {"torch": "2.13.0"},
            "sessions": [{"device": "cpu", "command": "belamy train"}, {"device": "cpu", "command": "belamy resume"}],
        },
        data={
            "name": "mnist", "images": 100, "shape": [1, 8, 8], "classes": ["zero", "one"], "licence": "CC BY-SA 3.0",
            "label_counts": {"zero": 60, "one": 40}, "splits": {"train": 80, "test": 20},
            "skipped": [["broken.png", "truncated"]], "notes": ["Type `belamy data mnist`."],
        },
        metrics=metrics(),
        journal=[
            {"event": "start", "samples": 0, "time": "2026-11-22T08:00:00+00:00"},
            {"event": "checkpoint", "samples": 6400, "time": "2026-11-22T08:01:00+00:00"},
            {"event": "finish", "samples": 12800, "time": "2026-11-22T08:02:00+00:00"},
        ],
        snapshots=[(64 * i, sheet(i)) for i in range(30)],
        final_grid=sheet(200),
        animation=b"GIF89a",
        tables={"generator": "Layer  Parameters\ndense  1,234"},
        commands=["belamy train digits --batch 64"],
        notes=["This is a note."],
    )  # fmt: skip


def test_everything_given_is_on_the_page() -> None:
    page = Page(render(full()))
    for words in (
        "digits", "finished", "12,800", "160.0", "1 min 40 s", "128", "cpu", "0.9712", "recipe: 32",
        "1 setting differs", "dense  1,234", "CC BY-SA 3.0", "60", "broken.", "belamy train digits --batch 64",
        "This is a note.", "2.13.0", "belamy resume", "All 3 events", "discriminator.adversarial",
    ):  # fmt: skip
        assert words in page.text, words
    assert page.count("img") == 1 + 1 + 12 + 1  # final, film, strip, the empty one of the dialog
    assert sum(attributes.get("class") == "chart" for _, attributes in page.tags) == 1 + 2 + 1 + 1 + 1
    assert [a["class"] for tag, a in page.tags if tag == "tr" and a.get("class")] == ["changed"]


def test_the_final_samples_are_the_given_bytes() -> None:
    page = Page(render(full()))
    first = next(attributes["src"] for tag, attributes in page.tags if tag == "img")
    assert base64.b64decode(first.partition("base64,")[2]) == sheet(200)
    fallback = Page(render(dataclasses.replace(full(), final_grid=None)))
    first = next(attributes["src"] for tag, attributes in fallback.tags if tag == "img")
    assert base64.b64decode(first.partition("base64,")[2]) == sheet(29)


def test_nothing_is_loaded_from_outside_and_the_policy_says_so() -> None:
    html = render(full())
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "data", "poster", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, name)
    assert "@import" not in html
    assert not re.search(r"url\(", html)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_captions_say_what_the_sheets_are() -> None:
    html = render(dataclasses.replace(full(), pictures_are="Test images above their <reconstructions>"))
    assert "Test images above their <reconstructions> after 1,856 training samples" in Page(html).text


def test_a_film_is_a_video_and_an_image_is_an_image() -> None:
    film = Page(render(dataclasses.replace(full(), animation=b"x", animation_mime="video/mp4")))
    assert film.count("video") == 1
    assert Page(render(full())).count("video") == 0


def test_no_text_of_the_user_becomes_markup() -> None:
    facts = ReportFacts(
        recipe_name=EVIL,
        method=EVIL,
        recipe={EVIL: EVIL, "part": {"name": EVIL, EVIL: EVIL}},
        recipe_defaults={EVIL: 1},
        provenance={EVIL: EVIL, "nested": {EVIL: [EVIL]}, "sessions": [{EVIL: 1}, {EVIL: EVIL}]},
        data={
            "name": EVIL, "shape": [EVIL], "classes": [EVIL], "label_counts": {EVIL: 3}, "attributes": {EVIL: [EVIL]},
            "splits": {EVIL: 3}, "skipped": [[EVIL, EVIL]], "notes": [EVIL, f"`{EVIL}`"], EVIL: EVIL,
        },
        metrics=[{"samples": i, "losses": {EVIL: 1.0}, "evaluation": {EVIL: 2.0}, EVIL: {EVIL: 1}} for i in range(3)],
        journal=[{"event": EVIL, "samples": 1, "time": EVIL, EVIL: EVIL}, {"event": "resume", "samples": 1}],
        snapshots=[(0, b"p"), (1, b"q")],
        animation=b"x",
        animation_mime=EVIL,
        tables={EVIL: EVIL},
        commands=[EVIL],
        notes=[EVIL],
    )  # fmt: skip
    page = Page(render(facts))
    assert page.count("script") == 1
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert not any(attributes.get("src") == "x" for _, attributes in page.tags)
    assert page.text.count("alert('1')") > 25
    for chart in (line_chart({EVIL: [(0, 1)]}, EVIL, EVIL, EVIL, marks=[(0, EVIL)]), bar_chart({EVIL: 1}, EVIL, EVIL)):
        assert not list(ElementTree.fromstring(chart).iter("script"))


def test_a_run_of_which_nothing_is_known_has_a_page() -> None:
    page = Page(render(ReportFacts("digits", "gan")))
    assert "not finished" in page.text
    assert page.count("section") == 0


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ReportFacts)][2:])
def test_any_one_fact_may_be_missing_or_be_alone(field: str) -> None:
    empty = ReportFacts("digits", "gan")
    Page(render(dataclasses.replace(full(), **{field: getattr(empty, field)})))
    Page(render(dataclasses.replace(empty, **{field: getattr(full(), field)})))


@pytest.mark.parametrize(
    ("events", "ending"),
    [
        (["start", "finish"], "finished"),
        (["start", "interrupt"], "interrupted"),
        (["start", "interrupt", "resume"], "not finished"),
        (["start", "not-finite"], "stopped: not finite"),
        (["start", "interrupt", "resume", "finish", "checkpoint"], "finished"),
    ],
)
def test_the_ending_is_the_last_one_of_the_journal(events: list[str], ending: str) -> None:
    journal = [{"event": event, "samples": 0} for event in events]
    html = render(ReportFacts("digits", "gan", journal=journal))
    assert re.search(r'class="status \w+">(.*?)<', html)[1] == ending


# Charts


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


def test_rows_become_charts_and_strings_for_numbers_that_json_lacks_are_read() -> None:
    text = "".join(charts([{"samples": 1, "losses": {"a": "NaN", "b": 1.0}}, {"samples": 2, "losses": {"a": 3.0}}], []))
    assert "not finite at 1" in text
    assert charts([], []) == []
    assert charts([{"samples": 1, "seconds": 2.0}], []) == []


def test_many_losses_are_parted_by_player() -> None:
    names = [f"{player}.{term}" for player in ("critic", "generator") for term in ("a", "b", "c")]
    drawn = charts([{"samples": i, "losses": dict.fromkeys(names, 1.0)} for i in range(3)], [])
    assert [re.search(r'aria-label="(.*?)"', chart)[1] for chart in drawn] == [
        "Losses of critic: critic.a, critic.b, critic.c",
        "Losses of generator: generator.a, generator.b, generator.c",
    ]


def test_speed_is_the_slope_and_ignores_a_clock_that_stands() -> None:
    assert speeds([{"samples": 0, "seconds": 0}, {"samples": 50, "seconds": 2}, {"samples": 60, "seconds": 2}]) == [
        (50.0, 25.0)
    ]


def test_moments_shown_begin_at_the_first_end_at_the_last_and_widen() -> None:
    for count in (1, 2, 11, 12, 13, 20, 48, 120, 5000):
        kept = chosen(count)
        assert kept[0] == 0 and kept[-1] == count - 1
        assert kept == sorted(set(kept)) and len(kept) == min(count, 12)
    steps = np.diff(chosen(5000))
    assert (steps[1:] >= steps[:-1]).all()


def test_facts_in_words() -> None:
    assert said([]) == said(None) == "–"
    assert said({"name": "r1", "weight": 0.5, "lazy": True}) == "r1:weight=0.5,lazy=yes"
    assert rows({"a": {"b": {"c": 1}}, "p": {"name": "x", "y": 1}}) == {"a.b.c": 1, "p": {"name": "x", "y": 1}}
    assert found({"a": 1, "sessions": [{"device": "gpu"}, {"device": "cpu"}, {"x": 2}]}, "device") == "cpu"
    assert found({"a": 1}, "device") is None
