"""What the watch found: each finding with its evidence drawn, its cause and what to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from belamy.runs.report.facts import ReportFacts
from belamy.runs.report.plot import line_chart

KINDS = {"severe": "bad", "warning": "warn", "note": "good"}
MOST_REMEDIES = 5


def command(run: str, options: Sequence[str], anew: bool = False) -> str:
    """What to type to train on from a run with other options, or its recipe anew; empty where there are none.

    Example:
        >>> command("runs/first", ["--discriminator.dropout", "0.6"])
        'belamy train --resume-from runs/first --discriminator.dropout 0.6'
    """
    words = ["belamy", "train", "--like" if anew else "--resume-from", run, *options]
    return " ".join(map(shlex.quote, words)) if options else ""


def findings(facts: ReportFacts) -> str:
    """All findings, the gravest first."""
    if not facts.findings:
        return ""
    hint = '<p class="hint">What the watch saw in the end, the gravest first; dashed in a chart: the limit.</p>'
    parts = "".join(_finding(found, facts.run) for found in facts.findings)
    return f'<section id="watch"><h2>Diagnosis</h2>{hint}{parts}</section>'


def _finding(found: Mapping[str, Any], run: str) -> str:
    severity = str(found.get("severity", "note"))
    since = found.get("since")
    first = f" First seen after {since:,} training samples." if isinstance(since, int) else ""
    title = str(found.get("title", found.get("sign", "")))
    return (
        f"<h3>{escape(title[:1].upper() + title[1:])} "
        f'<span class="status {KINDS.get(severity, "warn")}">{escape(severity)}</span></h3>'
        f"<p>{escape(str(found.get('says', '')))} {escape(str(found.get('cause', '')))}{escape(first)}</p>"
        f"{_charts(found.get('evidence') or ())}{_remedies(found.get('remedies') or (), run)}"
    )


def _charts(evidence: Sequence[Mapping[str, Any]]) -> str:
    drawn = []
    for each in evidence:
        name, points, limit = str(each.get("name", "")), each.get("points") or (), each.get("limit")
        series = {name: [(float(x), float(y)) for x, y in points]}
        if limit is not None and points:
            series["limit"] = [(series[name][0][0], float(limit)), (series[name][-1][0], float(limit))]
        drawn.append(f"<figure>{line_chart(series, name, 'training samples seen', '', None)}</figure>")
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _remedies(remedies: Sequence[Mapping[str, Any]], run: str) -> str:
    lines = []
    for remedy in remedies[:MOST_REMEDIES]:
        typed = command(run, [str(word) for word in remedy.get("options") or ()], bool(remedy.get("anew")))
        copy = (
            f'<div class="copy"><pre tabindex="0">{escape(typed)}</pre><button type="button" hidden>Copy</button></div>'
        )
        why = re.sub("^.", lambda first: first[0].upper(), str(remedy.get("why", "")))
        lines.append(f"<li>{escape(why)}{copy if typed else ''}</li>")
    return f"<p>What may help, in this order:</p><ol>{''.join(lines)}</ol>" if lines else ""
