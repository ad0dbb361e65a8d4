"""A verdict as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape
from inspect import getdoc
from itertools import groupby
from math import isfinite
from typing import Any

import numpy as np
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.measures import Measure, number, row
from belamy.evaluation.metrics import METRICS
from belamy.evaluation.verdict import Verdict
from belamy.runs.report import document
from belamy.runs.report.plot import interval_chart
from belamy.runs.report.words import said
from belamy.sampling.grid import encode_png, grid

SHEET_COLUMNS = 8
SMALLEST = 320
"""Pixels that the shorter side of a picture has at least when it is shown: smaller ones are enlarged."""
STYLE = """
.numbers dd small { color: var(--faint); display: block; font: .84rem/1.4 var(--sans); }
.measures td, .measures th { white-space: nowrap; }
.measures .number { padding-right: 22px; }
.measures thead th { font-size: .86rem; color: var(--faint); }
.measures tbody tr:first-child th { border-bottom: 0; padding-top: 20px; white-space: normal; }
.measures tbody tr:first-child b { color: var(--ink); font-weight: 600; }
.measures tbody tr:first-child span { color: var(--faint); font-size: .9rem; margin-left: 10px; }
.measures tbody tr:not(:first-child) th { padding-left: 18px; }
.measures .status { margin-left: 0; }
.protocol { overflow-wrap: anywhere; margin-bottom: 18px; }
.figures { display: grid; gap: 32px; align-items: start; }
.figures { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.figures img { width: 100%; }
#protocol details { margin-top: 22px; }
"""
HEADLINES = 8


def render(verdict: Verdict) -> str:
    """The page: the chief numbers, samples beside real images, all numbers with intervals and floor, the protocol."""
    name, against = escape(verdict.name), escape(str(verdict.against["name"]))
    head = (
        f'<header><p class="kicker">Belamy evaluation</p><h1>{name}</h1>'
        f'<p class="lead">{verdict.card.n_generated:,} images against {verdict.card.n_real:,} of <b>{against}</b> '
        f"({escape(str(verdict.against['split']))})</p></header>{_headlines(verdict)}"
    )
    parts = [_sheets(verdict), _numbers(verdict), _charts(verdict), _figures(verdict), _protocol(verdict)]
    return document(verdict.name, head, [part for part in parts if part], STYLE)


def summary(verdict: Verdict) -> str:
    """The table alone, as notebooks show it."""
    protocol = f"<p><code>{escape(str(verdict.card))}</code></p>"
    return f"<div>{_table(verdict.measures)}{_notes(verdict)}{protocol}</div>"


def picture(pixels: Tensor, title: str) -> str:
    """An image with its title below, enlarged by whole pixels where it is small."""
    array = np.ascontiguousarray(pixels.numpy())
    times = max(1, -(-SMALLEST // max(1, min(array.shape[:2])))) if min(array.shape[:2]) < SMALLEST else 1
    array = array.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else array
    source = base64.b64encode(encode_png(array)).decode()
    return (
        f'<figure><button type="button" class="look"><img src="data:image/png;base64,{source}" alt="{escape(title)}">'
        f"</button><figcaption>{escape(title)}</figcaption></figure>"
    )


def about(metric: str) -> str:
    """What a metric measures: the first sentence of its docstring."""
    try:
        text = getdoc(METRICS.load(metric)) or ""
    except UsageError:  # of a package that is not installed here
        return ""
    first = " ".join(text.split("\n\n")[0].split())
    return re.sub(r"``?([^`]+)``?", r"\1", first)


def _notes(verdict: Verdict) -> str:
    lines = "".join(f"<li>{escape(note)}</li>" for note in verdict.notes)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def _headlines(verdict: Verdict) -> str:
    """The first number of each metric, with that of real images."""
    chief = {measure.metric: measure for measure in reversed(verdict.measures) if isfinite(measure.value)}
    shown = [measure for measure in verdict.measures if chief.get(measure.metric) is measure][:HEADLINES]
    cells = "".join(
        f"<div><dt>{escape(measure.name)}</dt><dd>{number(measure.value)}"
        + ("" if measure.real_baseline is None else f"<small>real images {number(measure.real_baseline)}</small>")
        + "</dd></div>"
        for measure in shown
    )
    return f'<dl class="numbers">{cells}</dl>' if cells else ""


def _numbers(verdict: Verdict) -> str:
    hint = (
        "Beside each number stands what other real images are told: the floor, which a perfect generator would reach. "
        "Where the two intervals overlap, the measure cannot tell these images from real ones."
        if any(measure.real_baseline is not None for measure in verdict.measures)
        else "What real images are told was not asked for, so nothing here says what a perfect generator would reach."
    )
    table = _table(verdict.measures)
    return f'<section id="numbers"><h2>Numbers</h2><p class="hint">{hint}</p>{table}{_notes(verdict)}</section>'


def _table(measures: Sequence[Measure]) -> str:
    real_baselines = any(measure.real_baseline is not None for measure in measures)
    kinds = list(dict.fromkeys(kind for measure in measures for kind in measure.controls))
    heads = [
        "Value",
        "95 % interval",
        *(["Real images", "95 % interval"] if real_baselines else []),
        *map(str.capitalize, kinds),
    ]
    columns = "".join(f'<th scope="col" class="number">{text}</th>' for text in heads)
    bodies = []
    for metric, group in groupby(measures, key=lambda measure: measure.metric):
        title = f"<b>{escape(metric)}</b><span>{escape(about(metric))}</span>"
        lines = [f'<tr><th scope="rowgroup" colspan="{len(heads) + 2}">{title}</th></tr>']
        for measure in group:
            name, *cells, said_of_it = row(measure, real_baselines, kinds)
            flag = f'<span class="status good">{said_of_it}</span>' if said_of_it else ""
            numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
            lines.append(f'<tr><th scope="row">{escape(name)}</th>{numbers}<td>{flag}</td></tr>')
        bodies.append(f"<tbody>{''.join(lines)}</tbody>")
    head = f'<thead><tr><th scope="col">Measure</th>{columns}<th></th></tr></thead>'
    return f'<div class="scroll"><table class="measures">{head}{"".join(bodies)}</table></div>'


def _sheets(verdict: Verdict) -> str:
    shown = "".join(
        picture(_tensor(grid(images, columns=SHEET_COLUMNS, scale=None)), caption)
        for caption, images in verdict.sheets.items()
    )
    hint = '<p class="hint">Not chosen by anyone. Select a sheet to enlarge it.</p>'
    return f'<section id="images"><h2>Images</h2>{hint}<div class="pair">{shown}</div></section>' if shown else ""


def _charts(verdict: Verdict) -> str:
    drawn = []
    for measure in verdict.measures:
        if measure.real_baseline is None or measure.interval is None or measure.of_real:
            continue
        points = {
            verdict.name: _span(measure.value, measure.interval),
            "real images": _span(measure.real_baseline, measure.real_baseline_interval),
        }
        drawn.append(f"<figure>{interval_chart(points, measure.name, 'with 95 % intervals')}</figure>")
    body = f'<div class="charts">{"".join(drawn)}</div>'
    return f'<section id="intervals"><h2>Intervals</h2>{body}</section>' if drawn else ""


def _figures(verdict: Verdict) -> str:
    shown = "".join(picture(pixels, title) for title, pixels in verdict.figures.items())
    hint = '<p class="hint">What the metrics point at; whether it is amiss is for you to see.</p>'
    return (
        f'<section id="figures"><h2>Pairs and neighbours</h2>{hint}<div class="figures">{shown}</div></section>'
        if shown
        else ""
    )


def _protocol(verdict: Verdict) -> str:
    facts: dict[str, Any] = {
        **{f"judged: {name.replace('_', ' ')}": value for name, value in verdict.subject.items()},
        **{f"against: {name.replace('_', ' ')}": value for name, value in verdict.against.items()},
    }
    card = verdict.card.as_json()
    options = {f"metric “{name}”": text or "no options" for name, text in card.pop("metrics").items()}
    versions = {f"version of {name}": text for name, text in card.pop("versions").items()}
    facts |= {name.replace("_", " "): value for name, value in card.items()} | options | versions
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(said(value))}</td></tr>'
        for name, value in facts.items()
        if value is not None and value != ""
    )
    again = (
        f'<h3>How to repeat it</h3><div class="copy"><pre tabindex="0">{escape(verdict.command)}</pre>'
        '<button type="button" hidden>Copy</button></div>'
        if verdict.command
        else ""
    )
    hint = "Numbers may be compared only where all of this is the same, but for whose images they are."
    return (
        f'<section id="protocol"><h2>Protocol</h2><p class="hint">{hint}</p>'
        f'<p class="protocol"><code>{escape(str(verdict.card))}</code></p>{again}'
        f'<details><summary>All of it</summary><table class="facts">{lines}</table></details></section>'
    )


def _span(value: float, interval: tuple[float, float, float] | None) -> tuple[float, float, float]:
    return (value, value, value) if interval is None else (value, interval[1], interval[2])


def _tensor(array: np.ndarray) -> Tensor:
    from torch import from_numpy

    return from_numpy(array)
