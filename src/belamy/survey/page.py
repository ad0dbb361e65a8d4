"""A survey's results: what their page shows, and the lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from belamy.pages import page
from belamy.pages.charts import Bounds, curve_chart, interval_chart, line_chart
from belamy.survey.design import SCORES

TITLES = {
    "categorise": "Real or fake, one at a time",
    "choose": "Which of two is real",
    "rank": "Ranking by pairs",
    "mos": "Mean opinion score",
}
OVER, LEGEND = ("trials", "participants"), ("over trials", "over participants")
PLAN = ("kind", "medium", "question", "exposures", "staircase", "trials")
SERIES: tuple[str, ...] = ("right", "fakes", "reals")
COURSES = 8
"""Staircases that are drawn."""


def render(facts: Mapping[str, Any]) -> str:
    """The page.

    Args:
        facts: What :func:`belamy.survey.analysis.analyse` found.
    """
    survey, exclusion, catch = facts["survey"], facts["exclusion"], facts["catch_trials"]
    gone = {f"Participant {who}": why for who, why in exclusion["excluded"].items()}
    gone |= {f"Answers left out: {why}": f"{count:,}" for why, count in exclusion["left_out"].items()}
    gone["Catch trials right"] = f"{catch['right']} of {catch['answered']}"
    sources = {
        name: ", ".join(f"{key} {value}" for key, value in each.items() if value is not None)
        for name, each in survey["protocol"].get("sources", {}).items()
    }
    return page(
        "survey", TITLES[survey["kind"]], survey=survey, notes=facts["notes"],
        numbers={name.capitalize(): f"{value:,}" for name, value in facts["participants"].items()},
        charts=_charts(facts["results"]), wins=_wins(survey["sources"], facts["results"].get("wins")),
        summary=summary(facts), rules=exclusion["rules"], gone=gone,
        plan={**{key: survey[key] for key in PLAN}, **sources},
    )  # fmt: skip


def told(facts: Mapping[str, Any]) -> str:
    """The figures for the terminal, one a line."""
    people = facts["participants"]
    head = (
        f"{TITLES[facts['survey']['kind']]}: {people['answers']:,} answers of {people['counted']} participants count "
        f"({people['invited']} invited, {people['begun']} began, {people['finished']} finished, "
        f"{len(facts['exclusion']['excluded'])} excluded)"
    )
    rows = summary(facts)
    width = max(map(len, rows), default=0)
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows.items()), *facts["notes"]])


def summary(facts: Mapping[str, Any]) -> dict[str, str]:
    """The results in words, by name."""
    results = facts["results"]
    rows: dict[str, str] = {}
    for name, each in results.get("errors", {}).items():
        rows[{"both": "errors"}.get(name, f"errors on {name}")] = _share(each)
    by_source = results.get("errors_by_source", {})
    for name, each in by_source.items() if len(by_source) > 1 else ():
        rows[f"errors on {name}"] = _share(each)
    if sensitivity := results.get("sensitivity"):
        rows["d′ and criterion"] = f"{sensitivity['d_prime']:.2f}, {sensitivity['criterion']:.2f}"
    if "right" in results:
        rows["right"] = f"{_share(results['right'])}; against one half p {_chance(results['right']['p_value'])}"
        by_source = results["right_by_source"]
        for name, each in by_source.items() if len(by_source) > 1 else ():
            rows[f"right against {name}"] = f"{_share(each)}; p {_chance(each['p_value'])}"
    for name, each in results.get("strengths", {}).items():
        rows[name] = f"{_span(each['trials'], 2)} over trials; {_span(each['participants'], 2)} over participants"
    for name, each in results.get("scores", {}).items():
        over = "; ".join(f"{_span(each[key], 2)} over {word}" for key, word in (("both", "both"), ("items", "items")))
        rows[name] = f"{_span(each['participants'], 2)} over participants; {over}; {each['answers']} answers"
    if results.get("half_choices_added"):
        rows["note"] = "a source won or lost all its pairs: half a choice was added to each side of every pair"
    if "left" in results:
        rows["chose the left one"] = _share(results["left"])
    if curve := results.get("curve"):
        beyond = "" if curve["within"] else " (outside the exposures that were shown)"
        rows["about 75 % right at"] = f"{_span(curve['threshold_ms'], 0)} ms{beyond}"
    if staircase := results.get("staircase"):
        found = staircase["threshold_ms"]
        rows["staircase, second half"] = f"{_span(found, 0)} ms" if found else "too few trials"
    if facts["latency"]:
        found = facts["latency"]["all"]
        rows["time to answer"] = (
            f"median {found['median']:,.0f} ms, quartiles {found['q1']:,.0f} and {found['q3']:,.0f}"
        )
    if shown := facts["shown"]:
        rows["exposures off by"] = f"{shown['off_by']['median']:+.1f} ms (median), {shown['largest']:.1f} ms (most)"
    return rows


def _charts(results: Mapping[str, Any]) -> list[Markup]:
    made = []
    if "errors" in results:
        by_source = results["errors_by_source"] if len(results["errors_by_source"]) > 1 else {}
        made.append(_shares({**results["errors"], **by_source}, "Errors", "share of judgements; 50 %: cannot tell"))
    if "right" in results:
        made.append(
            _shares({"all": results["right"], **results["right_by_source"]}, "Real one found", "share of pairs")
        )
    if "strengths" in results:
        made.append(interval_chart(_rows(results["strengths"], OVER), "Strength", "log-odds", (-0.5, 0.5), 0.0, LEGEND))
    if "scores" in results:
        over = ("participants", "items", "both")
        made.append(interval_chart(_rows(results["scores"], over), "Mean opinion score", ", ".join(SCORES), (1, 5),
                                   legend=over))  # fmt: skip
    if levels := results.get("by_exposure"):
        made.append(_by_exposure(levels, (results.get("curve") or {}).get("points", ())))
    if courses := (results.get("staircase") or {}).get("courses"):
        lines = {f"no. {who}": list(enumerate(map(float, each), 1)) for who, each in list(courses.items())[:COURSES]}
        made.append(line_chart(lines, "Staircases", "trial", "exposure in ms", smooth=False))
    return made


def _wins(sources: Sequence[str], wins: Sequence[Sequence[int]] | None) -> list[list[str]]:
    """How often each source was chosen over each other."""
    rows = enumerate(wins or ())
    return [[sources[one], *("–" if one == other else str(won) for other, won in enumerate(row))] for one, row in rows]


def _by_exposure(levels: Mapping[str, Any], curve: Sequence[tuple[float, float]]) -> Markup:
    by_series: dict[str, dict[float, Bounds]] = {}
    for exposure, held in levels.items():
        for name, each in held.items():
            own = each["trials"]
            right = _bounds(own) if name == "right" else (1 - own["value"], 1 - own["high"], 1 - own["low"])
            by_series.setdefault("right" if name in ("both", "right") else name, {})[float(exposure)] = right
    order = {name: by_series[name] for name in SERIES if name in by_series}
    return curve_chart(order, "Right by exposure", "share of judgements", "exposure in milliseconds", curve)


def _shares(shares: Mapping[str, Any], title: str, unit: str) -> Markup:
    return interval_chart(_rows(shares, OVER), title, unit, (0, 1), 0.5, LEGEND, per_cent=True)


def _rows(found: Mapping[str, Any], over: Sequence[str]) -> dict[str, list[Bounds]]:
    return {name: [_bounds(each[key]) for key in over] for name, each in found.items()}


def _bounds(interval: Mapping[str, Any]) -> Bounds:
    return interval["value"], interval["low"], interval["high"]


def _share(each: Mapping[str, Any]) -> str:
    return (
        f"{each['trials']['value']:.1%} ({each['count']} of {each['of']}), {_ends(each['trials'], '.1%')} over trials, "
        f"{_ends(each['participants'], '.1%')} over participants"
    )


def _chance(value: float) -> str:
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


def _span(bounds: Mapping[str, Any], decimals: int) -> str:
    return f"{bounds['value']:,.{decimals}f} {_ends(bounds, f',.{decimals}f')}"


def _ends(bounds: Mapping[str, Any], form: str) -> str:
    low, high = ("?" if bounds[end] is None else format(bounds[end], form) for end in ("low", "high"))
    return f"[{low}, {high}]"
