"""A survey's results as one HTML page that loads nothing from anywhere, and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from belamy.runs.report.plot import line_chart
from belamy.runs.report.words import said
from belamy.survey.charts import curve_chart, interval_chart
from belamy.survey.design import SCORES

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
TITLES = {
    "categorise": "Real or fake, one at a time",
    "choose": "Which of two is real",
    "rank": "Ranking by pairs",
    "mos": "Mean opinion score",
}
OVER = ("over trials", "over participants")
PLAN = ("kind", "medium", "question", "exposures", "staircase", "trials")
SPACED = ".charts + table, .notes + table { margin-top: 28px; }"
SERIES: tuple[str, ...] = ("right", "fakes", "reals")
INTERVALS = (
    "Intervals are of 95 %: over trials they take every answer for independent, over participants they say what other "
    "people would answer."
)
EXPLAINED = {
    "categorise": "An error is a fake taken for real or a real one taken for fake. At 50 % people cannot tell them "
    "apart. d′ is 0 for who cannot tell, whatever the leaning; a criterion above 0 leans to “real”.",
    "choose": "The share of pairs in which the real one was found. At 50 % people cannot tell which it is.",
    "rank": "Log-odds: one is chosen over another with the chance 1 / (1 + exp(other − one)), and the mean is 0.",
    "mos": "Scores from 1 (bad) to 5 (excellent). The real ones stand among the others unmarked.",
}


def render(facts: Mapping[str, Any]) -> str:
    """The page.

    Args:
        facts: What :func:`belamy.survey.analysis.analyse` found.
    """
    survey, people, results = facts["survey"], facts["participants"], facts["results"]
    style = files("belamy.runs.report").joinpath("style.css").read_text(encoding="utf-8")
    title = TITLES[survey["kind"]]
    numbers = {name.capitalize(): f"{value:,}" for name, value in people.items()}
    notes = "".join(f"<li>{escape(note)}</li>" for note in facts["notes"])
    charts = "".join(f"<figure>{chart}</figure>" for chart in _charts(survey, results)) if results else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Belamy</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{style}{SPACED}</style></head><body><main>'
        f'<header><p class="kicker">Belamy survey</p><h1>{title}</h1>'
        f'<p class="lead">{escape(", ".join(survey["sources"]))}</p>{f"<ul class=notes>{notes}</ul>" if notes else ""}'
        f"{_numbers(numbers)}</header>"
        f'<section id="results"><h2>Results</h2><p class="hint">{EXPLAINED[survey["kind"]]} {INTERVALS}</p>'
        f'<div class="charts">{charts}</div>{_table(summary(facts))}</section>'
        f"{_rest(facts)}</main></body></html>\n"
    )


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


def _charts(survey: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    made = []
    if "errors" in results:
        shares = {**results["errors"], **(results["errors_by_source"] if len(results["errors_by_source"]) > 1 else {})}
        made.append(_shares(shares, "Errors", "share of judgements; 50 %: cannot tell"))
    if "right" in results:
        made.append(
            _shares({"all": results["right"], **results["right_by_source"]}, "Real one found", "share of pairs")
        )
    if "strengths" in results:
        rows = {name: [each["trials"], each["participants"]] for name, each in results["strengths"].items()}
        made.append(interval_chart(rows, "Strength", "log-odds", (-0.5, 0.5), 0.0, OVER))
        made.append(_wins(survey["sources"], results["wins"]))
    if "scores" in results:
        rows = {name: [each["participants"], each["items"], each["both"]] for name, each in results["scores"].items()}
        made.append(
            interval_chart(rows, "Mean opinion score", ", ".join(SCORES), (1, 5), None, (*OVER[1:], "items", "both"))
        )
    made += _timed(results)
    return made


def _timed(results: Mapping[str, Any]) -> list[str]:
    made = []
    if levels := results.get("by_exposure"):
        by_series: dict[str, dict[float, Any]] = {}
        for exposure, held in levels.items():
            for name, each in held.items():
                bounds = each["trials"] if name == "right" else _flipped(each["trials"])
                by_series.setdefault("right" if name in ("both", "right") else name, {})[float(exposure)] = bounds
        order = {name: by_series[name] for name in SERIES if name in by_series}
        curve = (results.get("curve") or {}).get("points", ())
        made.append(curve_chart(order, "Right by exposure", "share of judgements", curve))
    if courses := (results.get("staircase") or {}).get("courses"):
        lines = {f"no. {who}": list(enumerate(map(float, course), 1)) for who, course in list(courses.items())[:8]}
        made.append(line_chart(lines, "Staircases", "trial", "exposure in ms", smooth=False))
    return made


def _shares(shares: Mapping[str, Any], title: str, unit: str) -> str:
    rows = {name: [each["trials"], each["participants"]] for name, each in shares.items()}
    return interval_chart(rows, title, unit, (0, 1), 0.5, OVER, per_cent=True)


def _wins(sources: list[str], wins: list[list[int]]) -> str:
    head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in sources)
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f'<td class="number">{"–" if one == other else wins[one][other]}</td>' for other in range(len(sources))
        )
        + "</tr>"
        for one, name in enumerate(sources)
    )
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">chosen over</th>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _flipped(bounds: Mapping[str, float]) -> dict[str, float]:
    return {"value": 1 - bounds["value"], "low": 1 - bounds["high"], "high": 1 - bounds["low"]}


def _rest(facts: Mapping[str, Any]) -> str:
    exclusion, protocol = facts["exclusion"], facts["survey"]["protocol"]
    rules = "".join(f"<li>{escape(rule)}</li>" for rule in exclusion["rules"])
    gone = {f"Participant {who}": why for who, why in exclusion["excluded"].items()}
    gone |= {f"Answers left out: {why}": f"{count:,}" for why, count in exclusion["left_out"].items()}
    catch = facts["catch_trials"]
    gone["Catch trials right"] = f"{catch['right']} of {catch['answered']}"
    sources = {
        name: ", ".join(f"{key} {value}" for key, value in each.items() if value is not None)
        for name, each in protocol.get("sources", {}).items()
    }
    plan = {key: said(facts["survey"][key]) for key in PLAN}
    return (
        f'<section id="rules"><h2>Whose answers count</h2><ul class="notes">{rules}</ul>{_table(gone)}</section>'
        f'<section id="protocol"><h2>Protocol</h2>{_table({**plan, **sources})}</section>'
    )


def _numbers(numbers: Mapping[str, str]) -> str:
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in numbers.items())
    return f'<dl class="numbers">{cells}</dl>'


def _table(rows: Mapping[str, str]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows.items()
    )
    return f'<table class="facts"><tbody>{lines}</tbody></table>'


def _share(each: Mapping[str, Any]) -> str:
    return (
        f"{each['trials']['value']:.1%} ({each['count']} of {each['of']}), {_range(each['trials'], True)} over trials, "
        f"{_range(each['participants'], True)} over participants"
    )


def _chance(value: float) -> str:
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


def _span(bounds: Mapping[str, Any], decimals: int) -> str:
    return f"{bounds['value']:,.{decimals}f} [{_end(bounds['low'], decimals)}, {_end(bounds['high'], decimals)}]"


def _range(bounds: Mapping[str, Any], per_cent: bool) -> str:
    low, high = (
        "?" if bounds[end] is None else f"{bounds[end]:.1%}" if per_cent else f"{bounds[end]:.3g}"
        for end in ("low", "high")
    )
    return f"[{low}, {high}]"


def _end(value: float | None, decimals: int) -> str:
    return "?" if value is None else f"{value:,.{decimals}f}"
