"""What the page of a verdict shows."""

from __future__ import annotations

import re
from inspect import getdoc
from itertools import groupby
from math import isfinite
from typing import Any

from belamy.errors import UsageError
from belamy.evaluation.metrics import METRICS
from belamy.evaluation.statistics import Interval
from belamy.evaluation.verdict import Verdict, number, row
from belamy.pages import fragment, page
from belamy.pages.charts import Bounds, interval_chart
from belamy.sampling.grid import grid

SHEET_COLUMNS = 8
HEADLINES = 8


def render(verdict: Verdict) -> str:
    """The page: the chief numbers, samples beside real images, all numbers with intervals and floor, the protocol."""
    card = verdict.card.as_json()
    options = {f"metric “{name}”": text or "no options" for name, text in card.pop("metrics").items()}
    versions = {f"version of {name}": text for name, text in card.pop("versions").items()}
    facts: dict[str, Any] = {
        **{f"judged: {name.replace('_', ' ')}": value for name, value in verdict.subject.items()},
        **{f"against: {name.replace('_', ' ')}": value for name, value in verdict.against.items()},
        **{name.replace("_", " "): value for name, value in card.items()}, **options, **versions,
    }  # fmt: skip
    charts = []
    for each in verdict.measures:
        if each.real_baseline is not None and each.interval is not None and not each.of_real:
            own, real = _bounds(each.value, each.interval), _bounds(each.real_baseline, each.real_baseline_interval)
            rows = {verdict.name: [own], "real images": [real]}
            charts.append(interval_chart(rows, each.name, "with 95 % intervals"))
    sheets = {title: grid(images, columns=SHEET_COLUMNS, scale=None) for title, images in verdict.sheets.items()}
    return page(
        "evaluation", verdict.name, alone=False, against=verdict.against, judged=verdict.card.n_generated,
        real=verdict.card.n_real, headlines=_headlines(verdict), sheets=sheets, charts=charts,
        command=verdict.command,
        figures={title: pixels.numpy() for title, pixels in verdict.figures.items()},
        facts={name: value for name, value in facts.items() if value is not None and value != ""}, **_numbers(verdict),
    )  # fmt: skip


def summary(verdict: Verdict) -> str:
    """The table alone, as notebooks show it."""
    return fragment("evaluation_table", alone=True, **_numbers(verdict))


def about(metric: str) -> str:
    """What a metric measures: the first sentence of its docstring."""
    try:
        text = getdoc(METRICS.load(metric)) or ""
    except UsageError:  # of a package that is not installed here
        return ""
    first = " ".join(text.split("\n\n")[0].split())
    return re.sub(r"``?([^`]+)``?", r"\1", first)


def _headlines(verdict: Verdict) -> dict[str, tuple[str, str]]:
    """The first number of each metric, with that of real images."""
    chief = {measure.metric: measure for measure in reversed(verdict.measures) if isfinite(measure.value)}
    shown = [measure for measure in verdict.measures if chief.get(measure.metric) is measure][:HEADLINES]
    return {
        each.name: (
            number(each.value),
            "" if each.real_baseline is None else f"real images {number(each.real_baseline)}",
        )
        for each in shown
    }


def _numbers(verdict: Verdict) -> dict[str, Any]:
    """The table by metric, and what must be known beside it."""
    real_baselines = any(measure.real_baseline is not None for measure in verdict.measures)
    kinds, interval = verdict.controls, "95 % interval"
    heads = ["Value", interval, *(["Real images", interval] if real_baselines else ()), *map(str.capitalize, kinds)]
    groups = [
        (metric, about(metric), [row(measure, real_baselines, kinds) for measure in group])
        for metric, group in groupby(verdict.measures, key=lambda measure: measure.metric)
    ]
    return {
        "floors": real_baselines,
        "heads": heads,
        "groups": groups,
        "notes": verdict.notes,
        "protocol": str(verdict.card),
    }


def _bounds(value: float, interval: Interval | None) -> Bounds:
    return (value, value, value) if interval is None else (value, interval.low, interval.high)
