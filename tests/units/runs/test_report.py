"""The report: well-formed, self-contained, safe against its own data, and true to the numbers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from belamy.modalities.animation import encode_gif, encode_webp
from belamy.modalities.grid import encode_png, grid
from belamy.pages.charts import bar_chart, line_chart
from belamy.pages.words import found, rows, said
from belamy.runs.publish import _enlarged, animate
from belamy.runs.report import ReportFacts, render
from belamy.runs.report.curves import charts, speeds
from belamy.runs.report.page import chosen

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


def test_the_final_samples_are_the_bytes_of_the_last_snapshot() -> None:
    first = next(attributes["src"] for tag, attributes in Page(render(full())).tags if tag == "img")
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


def test_real_pictures_stand_first_and_the_title_is_the_datas() -> None:
    facts = dataclasses.replace(full(), data={"name": "photos/my flowers"}, real=sheet(77))
    page = Page(render(facts))
    first = next(attributes for tag, attributes in page.tags if tag == "img")
    assert base64.b64decode(first["src"].partition("base64,")[2]) == sheet(77)
    assert first["alt"] == "Real images of photos/my flowers"
    assert "<h1>my flowers</h1>" in render(facts)
    assert "<h1>digits</h1>" in render(ReportFacts("digits", "gan"))


def test_the_film_plays_once_and_ends_with_the_newest_sheet() -> None:
    frames = [np.full((8, 8, 3), level, dtype=np.uint8) for level in (0, 99, 255)]
    for film in (encode_webp(frames), encode_gif(frames)):
        html = render(dataclasses.replace(full(), animation=film))
        address = re.search(r'<figure class="film beside"><img src="(.*?)"', html, re.S)[1]
        shown = Image.open(io.BytesIO(base64.b64decode(address.partition("base64,")[2])))
        assert shown.n_frames == 3 and shown.info.get("loop", 1) == 1
        assert Image.open(io.BytesIO(film)).info["loop"] == 0
    assert Page(render(full())).count("video") == 0


def test_a_report_of_large_pictures_is_small() -> None:
    random = np.random.default_rng(0)
    noise = [encode_png(random.integers(0, 256, (384, 384, 3), dtype=np.uint8)) for _ in range(13)]
    facts = ReportFacts("gan", "gan", snapshots=[(i, png) for i, png in enumerate(noise)], real=noise[0])
    assert sum(map(len, noise)) > 5_000_000 and len(render(facts)) < 2_000_000


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
        snapshots=[(0, sheet(0)), (1, sheet(1))],
        animation=b"x",
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


def test_sheets_too_large_for_a_film_are_made_smaller_and_what_cannot_be_encoded_is_named(tmp_path: Path) -> None:
    class Lost:
        def __init__(self) -> None:
            self.lost, self.saved = dict[str, str](), list[str]()

        def save_animation(self, data: bytes, kind: str) -> None:
            self.saved.append(kind)

    wide = np.zeros((20, 32_786, 3), np.uint8)
    assert max(_enlarged(wide).shape) <= 2000 and _enlarged(np.zeros((10, 10, 3), np.uint8)).shape == (600, 600, 3)
    run: Any = Lost()
    animate(run, [_enlarged(wide)] * 2)
    assert "gif" in run.saved and not run.lost
    animate(run, [wide, wide[:4]])  # of two sizes
    assert set(run.lost) >= {"animation.gif"} and "could not be encoded as GIF" in run.lost["animation.gif"]
