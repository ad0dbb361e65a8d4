"""The page of the data doctor: samples, players, histograms, findings and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from belamy.data.doctor import DataExamination
from belamy.pages import page
from belamy.pages.charts import bar_chart, line_chart

MOST_CHARTS, MOST_BARS = 40, 60
BIG = ("notes", "skipped", "duplicates", "training", "next", "values", "label_counts", "attribute_counts")
"""Facts that stand elsewhere on the page, or in its findings."""


def render(found: DataExamination) -> str:
    """The page as HTML."""
    facts = found.facts
    lines = found.lines()
    drawn = list(charts(facts["values"]))
    if facts["label_counts"]:
        drawn.insert(0, bar_chart(dict(list(facts["label_counts"].items())[:MOST_BARS]), "Labels", facts["what"]))
    told = dict(line.partition(": ")[::2] for line in lines[1:] if not line.startswith(("note", "skipped", "the same")))
    findings = [line for line in found.findings() if not line.startswith("skipped ")]
    return page(
        "data", facts["name"], name=facts["name"], what=lines[0].partition(": ")[2], findings=findings,
        sheet=found.sheet, media=found.media, charts=drawn[:MOST_CHARTS], facts=told, skipped=dict(facts["skipped"]),
        command=facts["next"],
    )  # fmt: skip


def charts(values: Mapping[str, Any], name: str = "") -> Iterator[Markup]:
    """What can be drawn of a modality's description, at any depth: counts, histograms, curves and correlations."""
    if isinstance(values.get("histogram"), list) and values["histogram"]:
        edges = values.get("edges") or range(len(values["histogram"]))
        bars = {f"{edge:.4g}": count for edge, count in zip(edges, values["histogram"], strict=False)}
        yield bar_chart(bars, name or "Values", "samples")
    if isinstance(values.get("curve"), list) and values["curve"]:
        yield line_chart(
            {name or "values": values["curve"]}, name or "Curve", values.get("along", ""), values.get("up", "")
        )
    for key, inner in values.items():
        if not isinstance(inner, Mapping) or not inner:
            continue
        if all(isinstance(count, int) for count in inner.values()):
            yield bar_chart(dict(list(inner.items())[:MOST_BARS]), f"{name} {key}".strip(), "samples")
        elif key == "correlations":
            strengths = {pair: abs(float(value)) for pair, value in list(inner.items())[:MOST_BARS]}
            yield bar_chart(strengths, "Correlations, without their sign", "")
        else:
            yield from charts(inner, f"{name} {key}".strip() if key not in ("columns", "channels") else name)
