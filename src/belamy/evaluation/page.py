"""What the page of a verdict shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

import numpy as np
from torch import Tensor

from belamy.docstrings import docstring, plain
from belamy.errors import UsageError
from belamy.evaluation.card import Card
from belamy.evaluation.measures import Measure, number, row
from belamy.evaluation.metrics import METRICS
from belamy.evaluation.statistics import Interval
from belamy.modalities import spoken
from belamy.pages import fragment, page
from belamy.pages.charts import Bounds, interval_chart

HEADLINES = 8


def render(
    subject: Mapping[str, Any], against: Mapping[str, Any], card: Card, measures: Sequence[Measure],
    says: Sequence[str], notes: Sequence[str], sheets: Mapping[str, np.ndarray], figures: Mapping[str, Tensor],
    command: str,
) -> str:  # fmt: skip
    """The page: the chief numbers, samples beside real images, all numbers with those of real images, the protocol.

    The arguments are what a :class:`belamy.evaluation.verdict.Verdict` holds by these names.
    """
    protocol, name, kind = card.as_json(), str(subject["name"]), str(subject.get("modality", "image"))
    options = {f"metric “{metric}”": text or "no options" for metric, text in protocol.pop("metrics").items()}
    versions = {f"version of {package}": text for package, text in protocol.pop("versions").items()}
    facts: dict[str, Any] = {
        **{f"judged: {key.replace('_', ' ')}": value for key, value in subject.items()},
        **{f"against: {key.replace('_', ' ')}": value for key, value in against.items()},
        **{key.replace("_", " "): value for key, value in protocol.items()}, **options, **versions,
    }  # fmt: skip
    charts = []
    for each in measures:
        if each.real_baseline is not None and each.interval is not None and not each.of_real:
            own, real = _bounds(each.value, each.interval), _bounds(each.real_baseline, each.real_baseline_interval)
            charts.append(
                interval_chart({name: [own], spoken("real images", kind): [real]}, each.name, "with 95 % intervals")
            )
    return page(
        "evaluation", name, alone=False, against=against, judged=card.n_generated, real=card.n_real, charts=charts,
        says=says, headlines=_headlines(measures, kind), command=command,
        spoken=lambda text: spoken(text, kind),
        sheets=dict(sheets),
        figures={title: pixels.numpy() for title, pixels in figures.items()},
        facts={key: value for key, value in facts.items() if value is not None and value != ""},
        **_numbers(measures, notes, str(card), kind),
    )  # fmt: skip


def summary(
    measures: Sequence[Measure], says: Sequence[str], notes: Sequence[str], protocol: str, kind: str = "image"
) -> str:
    """The sentences and the table alone, as notebooks show them."""
    return fragment("evaluation_table", alone=True, says=says, **_numbers(measures, notes, protocol, kind))


def about(metric: str) -> str:
    """What a metric measures: the first sentence of its docstring."""
    try:
        text = docstring(METRICS.load(metric))
    except UsageError:  # of a package that is not installed here
        return ""
    return " ".join(plain(text).split("\n\n")[0].split()).replace("`", "")


def _headlines(measures: Sequence[Measure], kind: str) -> dict[str, tuple[str, str]]:
    """The first number of each metric, with that of real images."""
    chief = {each.metric: each for each in reversed(measures) if isfinite(each.value)}
    shown = [each for each in measures if chief.get(each.metric) is each][:HEADLINES]
    beside = spoken("real images", kind)
    real = ["" if each.real_baseline is None else f"{beside} {number(each.real_baseline)}" for each in shown]
    return {each.name: (number(each.value), told) for each, told in zip(shown, real, strict=True)}


def _numbers(measures: Sequence[Measure], notes: Sequence[str], protocol: str, kind: str) -> dict[str, Any]:
    """The table by metric, and what must be known beside it."""
    real = any(each.real_baseline is not None for each in measures)
    kinds, interval = list(dict.fromkeys(kind for each in measures for kind in each.controls)), "95 % interval"
    groups = [
        (metric, spoken(about(metric), kind), [row(each, real, kinds) for each in group])
        for metric, group in groupby(measures, key=lambda measure: measure.metric)
    ]
    heads = ["Value", interval, *(["Real images", interval] if real else ()), *map(str.capitalize, kinds)]
    return {"with_real": real, "heads": heads, "groups": groups, "notes": notes, "protocol": protocol}


def _bounds(value: float, interval: Interval | None) -> Bounds:
    return (value, value, value) if interval is None else (value, interval.low, interval.high)
