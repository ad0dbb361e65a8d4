"""An examination as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from belamy.evaluation.page import picture
from belamy.evaluation.ranking import roc_curve
from belamy.evaluation.statistics import Interval
from belamy.forensics.chart import area_chart
from belamy.forensics.comparison import Comparison, CueResult, Rule, Sets
from belamy.forensics.examination import AS_GIVEN, LEVEL, ForensicExamination, said
from belamy.forensics.testing import holm
from belamy.forensics.traces import TRACES
from belamy.forensics.treatments import to_pixels
from belamy.runs.report.page import document
from belamy.runs.report.plot import line_chart
from belamy.sampling.grid import grid

SHEET, COLUMNS, EXAMPLES, RULES_SHOWN, PAIRS = 32, 8, 8, 6, 8
FIGURED = 500
"""Images of each side that figures are drawn from."""
CONTROL_NAME, AWARE = "real against real", ("learned after the same", "learned before")
UNIT = "area under the ROC curve"
STYLE = """
.three { display: grid; gap: 32px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.three img { width: 100%; } .look { width: 100%; }
.areas { max-width: 860px; min-width: 500px; } .areas .name, .areas .tick { font-size: 12px; }
.tests td, .tests th { padding-right: 11px; white-space: nowrap; }
.tests th[scope=row] { min-width: 8em; white-space: normal; }
.tests thead th { vertical-align: bottom; } .tests .quiet * { color: var(--faint); }
.tests small { color: var(--faint); font-size: .82rem; }
.broken { margin-top: 34px; }
.pairs { max-width: 760px; }
.diagonal { margin-top: 8px; }
"""


def render(found: ForensicExamination, subject: str, against: str, facts: dict[str, str]) -> str:
    """The page.

    Args:
        found: The examination.
        subject: What the suspects are called.
        against: What the real images are called.
        facts: How it was examined, by name.
    """
    parts = [_pictures(found), _tests(found), _curves(found), _traces(found), _rules(found), _nearest(found)]
    parts += [_robustness(found), _control(found), _method(found, facts)]
    return document(f"{subject} examined", _head(found, subject, against), [part for part in parts if part], STYLE)


def _head(found: ForensicExamination, subject: str, against: str) -> str:
    kind, word = ("bad", "generated") if found.separating else ("good", "not told apart")
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _numbers(found))
    return (
        f'<header><p class="kicker">Forensic examination</p><h1>{escape(subject)}</h1>'
        f'<p class="lead">against <b>{escape(against)}</b> <span class="status {kind}">{word}</span></p>'
        f'<p class="lead">{escape(found.verdict)}</p>{f"<ul class=notes>{notes}</ul>" if notes else ""}</header>'
        f'<dl class="numbers">{cells}</dl>'
    )


def _numbers(found: ForensicExamination) -> list[tuple[str, str]]:
    head = found.matched.headline
    rows = [
        ("Tests that separate", f"{found.separating} of {len(found.corrected)}"),
        (f"Area under the ROC, {found.matched.format}", f"{head.auroc.value:.4g}"),
        (f"Caught at {head.operating.stated:.0%} false alarms", f"{head.operating.hits.value:.1%}"),
        ("False alarms measured", f"{head.operating.false_alarms.value:.1%}"),
        ("Real against real", f"{found.control.headline.auroc.value:.3f}"),
    ]
    if found.given:
        rows.insert(1, ("Area under the ROC, as given", f"{found.given.headline.auroc.value:.4g}"))
    return rows


def _pictures(found: ForensicExamination) -> str:
    order = found.matched.headline.scores.suspect.argsort(descending=True)
    suspects, real = found.sets.suspect, found.sets.real
    alarms = found.matched.headline.scores.real.argsort(descending=True)
    sheets = {
        "Most suspicious suspects": suspects[order[:SHEET]],
        "Least suspicious suspects": suspects[order.flip(0)[:SHEET]],
        "Most suspicious real images": real[alarms[:SHEET]],
    }
    shown = "".join(_sheet(images, title) for title, images in sheets.items())
    hint = (
        "Ranked by the detector, which never saw the image that it ranks. Where it separates plainly, all suspects are "
        "alike to it and the order means little. Select a sheet to enlarge it."
    )
    return _section("pictures", "Pictures", hint, f'<div class="three">{shown}</div>')


def _tests(found: ForensicExamination) -> str:
    tests = _ordered(found.matched)
    names = list(dict.fromkeys([*(test.name for test in tests), *(found.given.tests if found.given else ())]))
    rows: dict[str, dict[str, Interval]] = {}
    for name in names:
        row = {each.format: each.tests[name].auroc for each in reversed(found.comparisons) if name in each.tests}
        control = found.control.tests.get(name)
        rows[_title(found, name)] = {**row, **({CONTROL_NAME: control.auroc} if control else {})}
    series = [*(each.format for each in reversed(found.comparisons)), CONTROL_NAME]
    hint = (
        "Each test gives every image a number, by a model that was trained without it. The area under the ROC curve is "
        "the probability that a suspect's number is above a real image's: ½ is chance, 1 is no overlap at all. Lines "
        "are intervals of 95\N{NO-BREAK SPACE}%."
    )
    chart = f"<figure class=scroll>{area_chart(rows, series, 'How well each test separates', UNIT)}</figure>"
    tables = "".join(_test_table(found, each) for each in found.comparisons)
    return _section("tests", "Tests", hint, chart + tables)


def _ordered(comparison: Comparison) -> list[CueResult]:
    """The headline first, then by what they separate."""
    tests = sorted(comparison.tests.values(), key=lambda test: -test.auroc.value)
    return [comparison.headline, *(test for test in tests if test is not comparison.headline)]


def _title(found: ForensicExamination, name: str) -> str:
    return next(each.tests[name].title for each in found.comparisons if name in each.tests)


def _test_table(found: ForensicExamination, comparison: Comparison) -> str:
    heads = (
        "Test", "Area under ROC", "Average precision", "Effect size", "Corrected p",
        f"Caught at {found.settings.false_alarms:.0%}", "False alarms", "Accuracy",
    )  # fmt: skip
    lines = []
    for test in _ordered(comparison):
        at = test.operating
        cells = (
            _interval(test.auroc), _interval(test.precision), f"{test.effect:.2f}" if isfinite(test.effect) else "∞",
            _p(found.correction(comparison, test)), _percent(at.hits), _percent(at.false_alarms), _percent(at.accuracy),
        )  # fmt: skip
        lines.append(_line(escape(test.title), cells, found.separates(comparison, test)))
    silent = "; ".join(f"{name}: {reason}" for name, reason in comparison.silent.items())
    heading = "As given, unrounded" if comparison.format == AS_GIVEN else f"Both sides alike: {comparison.format}"
    left_out = f'<p class="hint diagonal">Left out: {escape(silent)}.</p>' if silent else ""
    shut = "" if comparison.format == AS_GIVEN else " open"
    return f"<details{shut}><summary>{escape(heading)}</summary>{_table(heads, lines)}{left_out}</details>"


def _curves(found: ForensicExamination) -> str:
    series = {}
    for comparison in found.comparisons:
        series[f"suspects, {comparison.format}"] = _roc(comparison.headline)
    series[CONTROL_NAME] = _roc(found.control.headline)
    roc = line_chart(series, "Receiver operating characteristic", "false alarms", "caught", smooth=False)
    scores = {
        "suspects": _steps(found.matched.headline.scores.suspect),
        "real": _steps(found.matched.headline.scores.real),
    }
    spread = line_chart(
        scores, "Log odds of being generated", "detector's log odds", "share at most this", smooth=False
    )
    hint = "What a threshold catches against what it costs. The steps of the control show what chance looks like."
    return _section("roc", "Thresholds", hint, _charts([roc, spread]))


def _roc(test: CueResult) -> list[tuple[float, float]]:
    alarms, hits = roc_curve(test.scores.real, test.scores.suspect)
    return list(zip(alarms.tolist(), hits.tolist(), strict=True))


def _steps(scores: Tensor) -> list[tuple[float, float]]:
    ordered = scores.sort().values
    return [(value, (place + 1) / len(ordered)) for place, value in enumerate(ordered.tolist())]


def _traces(found: ForensicExamination) -> str:
    drawn = []
    for comparison, sets in reversed(list(zip(found.comparisons, _raw_first(found), strict=True))):
        own = [name for name in comparison.tests if name in TRACES.names()]
        own = [name for name in own if comparison is found.matched or name not in found.matched.tests]
        for name in sorted(own, key=lambda each: -comparison.tests[each].auroc.value):
            trace: Any = TRACES.load(name)()
            if chart := trace.figure(sets.real[:FIGURED], sets.suspect[:FIGURED]):
                drawn.append(chart)
    hint = (
        f"What the traces see in {min(FIGURED, len(found.sets.real)):,} real images and "
        f"{min(FIGURED, len(found.sets.suspect)):,} suspects, those that separate best first. Dotted lines are periods "
        "at which enlarging layers leave marks."
    )
    return _section("traces", "Traces", hint, _charts(drawn)) if drawn else ""


def _raw_first(found: ForensicExamination) -> list[Sets]:
    return [found.raw, found.sets] if found.given else [found.sets]


def _rules(found: ForensicExamination) -> str:
    rules = sorted(found.matched.rules.values(), key=lambda rule: (rule.p, -rule.effect))
    heads = (
        "Rule, learned from the reference",
        "Real that break it",
        "Suspects that break it",
        "Effect size",
        "Corrected p",
    )
    lines = [
        _line(
            f"<b>{escape(rule.title)}</b><br><small>{escape(rule.says)}</small>",
            (
                _percent(rule.real),
                _percent(rule.suspect),
                f"{rule.effect:.2f}",
                _p(found.correction(found.matched, rule)),
            ),
            found.separates(found.matched, rule),
        )
        for rule in rules
    ]
    shown = [rule for rule in rules if found.separates(found.matched, rule)][:RULES_SHOWN]
    examples = "".join(_broken(found, rule) for rule in shown)
    hint = (
        "What each rule measures is fixed; its limits are learned from reference images so that one real image in a "
        "hundred breaks it. The real images counted here are others."
    )
    examples = f'<div class="three broken">{examples}</div>' if examples else ""
    return _section("rules", "Rules of real images", hint, _table(heads, lines) + examples)


def _broken(found: ForensicExamination, rule: Rule) -> str:
    """The suspects that break a rule most, the farthest out first."""
    outside = torch.maximum(rule.limits.low - rule.numbers, rule.numbers - rule.limits.high)
    worst = outside.argsort(descending=True, stable=True)[: min(EXAMPLES, int(rule.broken.sum()))]
    spread = ", ".join(f"{value:.4g}" for value in rule.numbers[worst].tolist()[:4])
    return _sheet(
        found.sets.suspect[worst], f"{rule.title}: {spread}{', …' if len(worst) > 4 else ''} where {rule.says}", 4
    )


def _nearest(found: ForensicExamination) -> str:
    order = found.matched.nearest[:, 0].argsort(stable=True)[:PAIRS]
    places = found.matched.nearest[order, 1].long()
    pairs = torch.stack([found.sets.suspect[order], found.sets.reference[places]], 1).flatten(0, 1)
    distances = ", ".join(f"{value:.3f}" for value in found.matched.nearest[order, 0].tolist())
    sheet = _sheet(pairs, f"Suspect and nearest reference image, side by side; distances {distances}")
    hint = (
        f"Among {len(found.sets.reference):,} reference images. {found.duplicates:,} suspects repeat an earlier "
        f"suspect exactly, {found.copies:,} are reference images. Whether a model copies its training images is for "
        "`belamy evaluate`, which compares with all of them."
    )
    return _section("neighbours", "Nearest real images", hint, f'<div class="pairs">{sheet}</div>')


def _robustness(found: ForensicExamination) -> str:
    if not found.survival:
        return ""
    rows = {
        each.treatment.words: dict(zip(AWARE, (each.knowing, each.unknowing), strict=True)) for each in found.survival
    }
    chart = area_chart(rows, AWARE, "All traces together after each treatment of both sides", UNIT)
    heads = ("Both sides after", "Learned after the same treatment", "Learned before it")
    lines = [
        _line(escape(each.treatment.words), (said(each.knowing), said(each.unknowing)), True) for each in found.survival
    ]
    hint = (
        "Rounding, JPEG, blur and resizing wash traces out. The first number is what an examiner reaches who knows "
        "what was done and learns from images treated alike; the second, one who learned from rounded images. The "
        "traces alone judge here, without the convolutional network."
    )
    return _section("hiding", "What survives", hint, f"<figure class=scroll>{chart}</figure>{_table(heads, lines)}")


def _control(found: ForensicExamination) -> str:
    p_values = found.control.p_values()
    corrected = holm(p_values)
    raw = sum(p <= LEVEL for p in p_values.values())
    hint = (
        f"A third of the real images stood in for the suspects. {found.control_alarms} of {len(p_values)} tests "
        f"separate them after correction, {raw} before it, where {LEVEL * len(p_values):.1f} are expected by chance."
    )
    lines = [
        _line(
            escape(test.title),
            (_interval(test.auroc), _p(test.p), _p(corrected[f"control: {test.name}"]),
             _percent(test.operating.hits), _percent(test.operating.false_alarms)),
            corrected[f"control: {test.name}"] <= LEVEL,
        )
        for test in found.control.tests.values()
    ]  # fmt: skip
    heads = ("Test", "Area under ROC", "p", "Corrected p", "“Caught”", "False alarms")
    return _section("control", "Real against real", hint, _table(heads, lines))


def _method(found: ForensicExamination, facts: dict[str, str]) -> str:
    sets = found.sets
    said_facts = {
        **facts,
        "suspects": f"{len(sets.suspect):,}",
        "real images compared": f"{len(sets.real):,}, never learned from by the model that scores them",
        "reference": f"{len(sets.reference):,} other real images: limits of rules, thresholds, neighbours",
        "format of both sides": found.matched.format,
        "scores": "ridge regression on a trace's numbers, five folds; the detector: a convolutional network and a "
        "ridge on all numbers, joined by logistic regression, three folds",
        "p-values": f"labels permuted within folds and fitted anew, up to {found.settings.permutations:,} times; "
        "rules: Fisher's exact test; detector: twice the mean of the folds' rank tests",
        "correction": f"Holm, over all {len(found.corrected)} tests and rules; separates at {LEVEL:g}",
        "intervals": "95 %: areas by DeLong, average precision by bootstrap, shares by Wilson",
        "seed": str(found.settings.seed),
    }  # fmt: skip
    if detected := found.matched.detected:
        said_facts["calibration"] = (
            f"expected error {detected.calibration_error:.2%}, of the network alone {detected.uncalibrated_error:.2%}; "
            f"Brier score {detected.brier:.3f}"
        )
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in said_facts.items()
    )
    return _section("method", "How it was examined", "", f'<table class="facts"><tbody>{body}</tbody></table>')


def _sheet(images: Tensor, title: str, columns: int = COLUMNS) -> str:
    return picture(torch.from_numpy(grid(to_pixels(images), columns=min(columns, len(images)), scale=None)), title)


def _charts(drawn: Sequence[str]) -> str:
    return f'<div class="charts">{"".join(f"<figure>{chart}</figure>" for chart in drawn)}</div>'


def _table(heads: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(
        f'<th scope="col"{" class=number" if number else ""}>{escape(text)}</th>' for number, text in enumerate(heads)
    )
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table class="tests">{body}</table></div>'


def _line(name: str, cells: Sequence[str], separates: bool) -> str:
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr{"" if separates else " class=quiet"}><th scope="row">{name}</th>{numbers}</tr>'


def _interval(interval: Interval) -> str:
    return f"{interval.value:.3f} <small>{interval.low:.3f}–{interval.high:.3f}</small>"


def _percent(interval: Interval) -> str:
    return f"{interval.value:.1%} <small>{interval.low:.1%}–{interval.high:.1%}</small>"


def _p(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _section(name: str, title: str, hint: str, body: str) -> str:
    spoken = f'<p class="hint">{_prose(hint)}</p>' if hint else ""
    return f'<section id="{name}"><h2>{title}</h2>{spoken}{body}</section>'


def _prose(text: str) -> str:
    """Escaped, with `commands` set as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
