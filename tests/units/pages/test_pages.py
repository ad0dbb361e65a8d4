"""Pages: the only place of markup, escaped throughout, self-contained, and small."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import belamy
from belamy.modalities.animation import encode_gif, encode_webp, encode_within
from belamy.modalities.grid import encode_png
from belamy.pages import fragment, page
from belamy.pages.pictures import BUDGET, encoded, played_once, source

PACKAGE = Path(belamy.__file__).parent
ROOM = PACKAGE / "pages"
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
ELEMENT = re.compile(r"</?(html|head|body|main|section|header|div|span|p|h[1-6]|b|i|ul|ol|li|dl|dt|dd|table|thead|tbody"
                     r"|tr|th|td|pre|code|figure|figcaption|button|img|a|svg|path|line|circle|rect|text|tspan|g|style"
                     r"|script|small|br|wbr|nav|details|summary)[\s/>]")  # fmt: skip
EVIL = "<script>alert('1')</script>\"><img src=x onerror=alert(2)>"
PRETRAINING = {"lead_text": EVIL, "chart": EVIL, "starts": [EVIL], "seeds": [[EVIL]]}


def constants(path: Path) -> list[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent
    ]


def test_no_markup_is_written_outside_the_room() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if ROOM not in path.parents]
    assert len(modules) > 50 and TEMPLATES
    found = {str(path): text for path in modules for text in constants(path) if ELEMENT.search(text)}
    assert not found
    imports = [path for path in modules if re.search(r"from html import|import html|import jinja2", path.read_text())]
    assert not imports


def test_markup_is_trusted_only_where_it_is_made() -> None:
    """Nothing switches escaping off, and no other room declares text to be markup."""
    for path in TEMPLATES:
        assert not re.search(r"\|\s*safe|autoescape|Markup", path.read_text(encoding="utf-8")), path
    calls = [path for path in PACKAGE.rglob("*.py") if re.search(r"\bMarkup\(", path.read_text(encoding="utf-8"))]
    assert {path.relative_to(PACKAGE).as_posix() for path in calls} == {"pages/__init__.py", "pages/charts.py"}


def test_the_room_knows_no_other_but_leaves() -> None:
    known = {"errors", "registry", "seeds", "processes", "device", "progress", "modalities", "pages"}
    for path in ROOM.glob("*.py"):
        rooms = set(re.findall(r"^\s*from belamy\.(\w+)", path.read_text(encoding="utf-8"), re.M))
        assert rooms <= known, path


def test_a_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    text = page("pretraining", "auto", **PRETRAINING)
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', text)[1]
    script = re.search(r"<script>(.*)</script>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", "img-src data:", "media-src data:", "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip
    assert not re.search(r"@import|url\(|(src|href)=\"?http", text)


def test_text_is_escaped_even_where_a_chart_is_expected() -> None:
    text = page("pretraining", EVIL, **PRETRAINING)
    assert text.count("<script") == 1 and "<img src=x" not in text and text.count("alert(&#39;1&#39;)") == 6


def test_a_missing_fact_is_a_defect_and_no_gap() -> None:
    with pytest.raises(Exception, match="lead_text"):
        page("pretraining", "auto", chart="", starts=[], seeds=[])


def test_the_contents_name_the_sections() -> None:
    text = page("pretraining", "auto", **PRETRAINING)
    assert re.findall(r"<nav.*?</nav>", text, re.S)[0].count("<a href=") == text.count("<section id=") == 2
    assert '<a href="#accuracy">Accuracy</a>' in text


def test_a_fragment_has_no_head() -> None:
    text = fragment(
        "evaluation_table", alone=True, says=[], with_real=False, heads=[], groups=[], notes=[EVIL], protocol=EVIL
    )
    assert "<html" not in text and "<script" not in text and "<li>&lt;script" in text


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_picture_within_its_budget_stays_as_it_is() -> None:
    png = encode_png(noise(40))
    assert encoded(png) == png
    assert base64.b64decode(source(png).partition("base64,")[2]) == png


def test_small_pixels_are_written_without_loss() -> None:
    pixels = noise(40)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded(pixels)))), pixels)


@pytest.mark.parametrize("given", [noise(900), encode_png(noise(900))], ids=["pixels", "file"])
def test_a_large_picture_is_brought_within_the_budget(given: np.ndarray | bytes) -> None:
    data = encoded(given)
    assert len(data) <= BUDGET and Image.open(io.BytesIO(data)).size == (450, 450)
    assert Image.open(io.BytesIO(encoded(given, BUDGET, 300))).size == (300, 300)


def test_a_damaged_picture_is_refused() -> None:
    with pytest.raises(OSError):
        encoded(encode_png(noise(40))[:300])


def test_films_stop_at_their_last_frame() -> None:
    frames = [np.full((8, 8, 3), level, dtype=np.uint8) for level in (0, 128, 255)]
    webp, gif = played_once(encode_webp(frames)), played_once(encode_gif(frames))
    assert Image.open(io.BytesIO(webp)).info["loop"] == 1 and "loop" not in Image.open(io.BytesIO(gif)).info
    assert all(Image.open(io.BytesIO(film)).n_frames == 3 for film in (webp, gif))
    assert played_once(b"RIFF") == b"RIFF" and played_once(played_once(gif)) == played_once(gif)


def test_a_film_fits_its_budget_by_fewer_frames_and_then_by_smaller_ones() -> None:
    frames = [np.roll(noise(96), shift, axis=0) for shift in range(40)]
    fewer, smaller = encode_within(frames, 120_000), encode_within(frames, 20_000)
    assert len(fewer) <= 120_000 and len(smaller) <= 20_000
    assert Image.open(io.BytesIO(fewer)).size == (96, 96) and Image.open(io.BytesIO(smaller)).size < (96, 96)
    assert 16 <= Image.open(io.BytesIO(fewer)).n_frames < 40
    wide = [np.full((20, 1700, 3), level, dtype=np.uint8) for level in (0, 255)]
    assert Image.open(io.BytesIO(encode_within(wide, 120_000))).size == (567, 7)


def test_translations_are_compared_by_a_line_only_where_there_is_script() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    cells = [{"name": name, "picture": picture, "media": ()} for name in ("input", "output", "target")]
    shown = page(
        "translation", "t", lead_text="", notes=[], rows=[], rivals=[], skipped={},
        items=[{"name": "<a>", "cells": cells[:count], "figures": {}} for count in (3, 1)],
    )  # fmt: skip
    assert shown.count('<div class="sweep" hidden>') == 1 and shown.count('class="look"') == 4
    pairs = re.findall(r'data-pair="(\d) (\d)">(\w+) \| (\w+)<', shown)
    assert pairs == [("0", "1", "input", "output"), ("0", "2", "input", "target"), ("1", "2", "output", "target")]
    assert "&lt;a&gt;: how much of the first picture is seen" in shown and 'type="range"' in shown
