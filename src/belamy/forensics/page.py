"""What the page of an examination shows."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from belamy.evaluation.ranking import roc_curve
from belamy.evaluation.statistics import Interval
from belamy.forensics.comparison import Comparison, CueResult, Rule
from belamy.forensics.examination import AS_GIVEN, LEVEL, ForensicExamination, said
from belamy.forensics.testing import holm
from belamy.forensics.traces import TRACES
from belamy.forensics.treatments import to_pixels
from belamy.modalities import modality, spoken
from belamy.modalities.grid import grid
from belamy.pages import page
from belamy.pages.charts import interval_chart, line_chart

SHEET, COLUMNS, EXAMPLES, RULES_SHOWN, PAIRS = 32, 8, 8, 6, 8
FIGURED = 500
"""Images of each side that figures are drawn from."""
CONTROL_NAME, AWARE = "real against real", ("learned after the same", "learned before")
UNIT, SPAN, WIDTH = "area under the ROC curve; ½ is chance", (0.4, 1.0), 660
Cell = str | tuple[str, str]
"""What stands in a table, or that and its interval."""
Line = tuple[Sequence[Cell], bool]
"""A row of a table, and whether it is what separates."""


def render(found: ForensicExamination, subject: str, against: str, facts: dict[str, str]) -> str:
    """The page.

    Args:
        found: The examination.
        subject: What the suspects are called.
        against: What the real images are called.
        facts: How it was examined, by name.
    """
    shares = [p <= LEVEL for p in found.control.p_values().values()]
    return page(
        "examination", f"{subject} examined", subject=subject, against=against, found=found, level=LEVEL,
        figured=FIGURED, numbers=_numbers(found), sheets=_sheets(found), tests=_areas(found),
        tables=[_tests(found, each) for each in found.comparisons], roc=_thresholds(found), traces=_traces(found),
        rules=_rules(found), broken=_broken(found), pairs=_nearest(found), survival=_survival(found),
        control=_control(found), control_alarms=(sum(shares), len(shares)), facts={**facts, **_method(found)},
        spoken=lambda text: spoken(text, found.kind.modality),
    )  # fmt: skip


def _numbers(found: ForensicExamination) -> dict[str, str]:
    head = found.matched.headline
    given = {"Area under the ROC, as given": f"{found.given.headline.auroc.value:.4g}"} if found.given else {}
    return {
        "Tests that separate": f"{found.separating} of {len(found.corrected)}",
        **given,
        f"Area under the ROC, {found.matched.format}": f"{head.auroc.value:.4g}",
        f"Caught at {head.operating.stated:.0%} false alarms": f"{head.operating.hits.value:.1%}",
        "False alarms measured": f"{head.operating.false_alarms.value:.1%}",
        "Real against real": f"{found.control.headline.auroc.value:.3f}",
    }


def _sheets(found: ForensicExamination) -> dict[str, np.ndarray]:
    order = found.matched.headline.scores.suspect.argsort(descending=True)
    alarms = found.matched.headline.scores.real.argsort(descending=True)
    return {
        "Most suspicious suspects": _shown(found, found.sets.suspect[order[:SHEET]]),
        "Least suspicious suspects": _shown(found, found.sets.suspect[order.flip(0)[:SHEET]]),
        spoken("Most suspicious real images", found.kind.modality): _shown(found, found.sets.real[alarms[:SHEET]]),
    }


def _areas(found: ForensicExamination) -> Markup:
    """Every test's area in each format and between real images."""
    series: dict[str, dict[str, CueResult]] = {each.format: each.tests for each in reversed(found.comparisons)}
    series[CONTROL_NAME] = found.control.tests
    ordered, given = (test.name for test in _ordered(found.matched)), found.given.tests if found.given else ()
    names = dict.fromkeys([*ordered, *given])
    titles = {name: next(each.tests[name].title for each in found.comparisons if name in each.tests) for name in names}
    nothing = Interval(nan, nan, nan)
    rows = {
        titles[name]: [tests[name].auroc if name in tests else nothing for tests in series.values()] for name in names
    }
    return interval_chart(rows, "How well each test separates", UNIT, SPAN, 0.5, list(series), width=WIDTH)


def _ordered(comparison: Comparison) -> list[CueResult]:
    """The headline first, then by what they separate."""
    tests = sorted(comparison.tests.values(), key=lambda test: -test.auroc.value)
    return [comparison.headline, *(test for test in tests if test is not comparison.headline)]


def _tests(found: ForensicExamination, comparison: Comparison) -> dict[str, Any]:
    lines = []
    for test in _ordered(comparison):
        at, effect = test.operating, f"{test.effect:.2f}" if isfinite(test.effect) else "∞"
        cells = [test.title, _interval(test.auroc), _interval(test.precision), effect]
        cells += [_p(found.correction(comparison, test)), *map(_percent, (at.hits, at.false_alarms, at.accuracy))]
        lines.append((cells, found.separates(comparison, test)))
    given = comparison.format == AS_GIVEN
    alike = "As files hold them" if given else f"Both sides alike: {comparison.format}"
    given &= found.of_pictures
    return {
        "heading": "As given, unrounded" if given else alike, "open": not given,
        "lines": lines, "silent": "; ".join(f"{name}: {reason}" for name, reason in comparison.silent.items()),
        "caught": f"Caught at {found.settings.false_alarms:.0%}",
    }  # fmt: skip


def _thresholds(found: ForensicExamination) -> list[Markup]:
    tests = {f"suspects, {each.format}": each.headline for each in found.comparisons}
    tests[CONTROL_NAME] = found.control.headline
    series = {}
    for name, test in tests.items():
        alarms, hits = roc_curve(test.scores.real, test.scores.suspect)
        series[name] = list(zip(alarms.tolist(), hits.tolist(), strict=True))
    scores = found.matched.headline.scores
    steps = {"suspects": _steps(scores.suspect), "real": _steps(scores.real)}
    return [
        line_chart(series, "Receiver operating characteristic", "false alarms", "caught", smooth=False),
        line_chart(steps, "Log odds of being generated", "detector's log odds", "share at most this", smooth=False),
    ]


def _steps(scores: Tensor) -> list[tuple[float, float]]:
    ordered = scores.sort().values
    return [(value, (place + 1) / len(ordered)) for place, value in enumerate(ordered.tolist())]


def _traces(found: ForensicExamination) -> list[str]:
    drawn = []
    sets_of = [found.raw, found.sets] if found.given else [found.sets]
    for comparison, sets in reversed(list(zip(found.comparisons, sets_of, strict=True))):
        own = [name for name in comparison.tests if name in TRACES.names()]
        own = [name for name in own if comparison is found.matched or name not in found.matched.tests]
        for name in sorted(own, key=lambda each: -comparison.tests[each].auroc.value):
            trace: Any = TRACES.load(name)()
            if chart := trace.figure(sets.real[:FIGURED], sets.suspect[:FIGURED]):
                drawn.append(chart)
    return drawn


def _by_effect(found: ForensicExamination) -> list[Rule]:
    return sorted(found.matched.rules.values(), key=lambda rule: (rule.p, -rule.effect))


def _rules(found: ForensicExamination) -> list[Line]:
    return [
        (
            [(rule.title, rule.says), _percent(rule.real), _percent(rule.suspect), f"{rule.effect:.2f}",
             _p(found.correction(found.matched, rule))],
            found.separates(found.matched, rule),
        )
        for rule in _by_effect(found)
    ]  # fmt: skip


def _broken(found: ForensicExamination) -> dict[str, np.ndarray]:
    """For the rules that separate, the suspects that break them most, the farthest out first."""
    sheets = {}
    for rule in [rule for rule in _by_effect(found) if found.separates(found.matched, rule)][:RULES_SHOWN]:
        outside = torch.maximum(rule.limits.low - rule.numbers, rule.numbers - rule.limits.high)
        worst = outside.argsort(descending=True, stable=True)[: min(EXAMPLES, int(rule.broken.sum()))]
        spread = ", ".join(f"{value:.4g}" for value in rule.numbers[worst].tolist()[:4])
        title = f"{rule.title}: {spread}{', …' if len(worst) > 4 else ''} where {rule.says}"
        sheets[title] = _sheet(found.sets.suspect[worst], 4)
    return sheets


def _nearest(found: ForensicExamination) -> tuple[np.ndarray, str]:
    """Suspects beside their nearest reference images, and the distances."""
    order = found.matched.nearest[:, 0].argsort(stable=True)[:PAIRS]
    places = found.matched.nearest[order, 1].long()
    pairs = torch.stack([found.sets.suspect[order], found.sets.reference[places]], 1).flatten(0, 1)
    return _shown(found, pairs), ", ".join(f"{value:.3f}" for value in found.matched.nearest[order, 0].tolist())


def _survival(found: ForensicExamination) -> dict[str, Any] | None:
    if not found.survival:
        return None
    rows = {each.treatment.words: [each.knowing, each.unknowing] for each in found.survival}
    title = "All traces together after each treatment of both sides"
    return {
        "chart": interval_chart(rows, title, UNIT, SPAN, 0.5, AWARE, width=WIDTH),
        "lines": [[each.treatment.words, said(each.knowing), said(each.unknowing)] for each in found.survival],
    }


def _control(found: ForensicExamination) -> list[Line]:
    corrected = holm(found.control.p_values())
    return [
        (
            [test.title, _interval(test.auroc), _p(test.p), _p(corrected[f"control: {test.name}"]),
             _percent(test.operating.hits), _percent(test.operating.false_alarms)],
            corrected[f"control: {test.name}"] <= LEVEL,
        )
        for test in found.control.tests.values()
    ]  # fmt: skip


def _method(found: ForensicExamination) -> dict[str, str]:
    sets, detected = found.sets, found.matched.detected
    told = {
        "suspects": f"{len(sets.suspect):,}",
        spoken(
            "real images compared", found.kind.modality
        ): f"{len(sets.real):,}, never learned from by the model that scores them",
        "reference": f"{len(sets.reference):,} other real ones: limits of rules, thresholds, neighbours",
        "format of both sides": found.matched.format,
        "scores": "ridge regression on a trace's numbers, five folds"
        + (
            "; the detector: a convolutional network and a ridge on all numbers, joined by logistic regression, three "
            "folds"
            if detected
            else "; all cues together are the detector"
        ),
        "p-values": f"labels permuted within folds and fitted anew, up to {found.settings.permutations:,} times; "
        "rules: Fisher's exact test; trained detector: twice the mean of the folds' rank tests",
        "correction": f"Holm, over all {len(found.corrected)} tests and rules; separates at {LEVEL:g}",
        "intervals": "95 %: areas by DeLong, average precision by bootstrap, shares by Wilson",
        "seed": str(found.settings.seed),
    }
    if detected:
        told["calibration"] = (
            f"expected error {detected.calibration_error:.2%}, of the network alone {detected.uncalibrated_error:.2%}; "
            f"Brier score {detected.brier:.3f}"
        )
    return told


def _shown(found: ForensicExamination, samples: Tensor) -> np.ndarray:
    return _sheet(samples) if found.of_pictures else modality(found.kind.modality).sheet(samples, found.kind)


def _sheet(images: Tensor, columns: int = COLUMNS) -> np.ndarray:
    return grid(to_pixels(images), columns=min(columns, len(images)), scale=None)


def _interval(interval: Interval) -> Cell:
    return f"{interval.value:.3f}", f"{interval.low:.3f}–{interval.high:.3f}"


def _percent(interval: Interval) -> Cell:
    return f"{interval.value:.1%}", f"{interval.low:.1%}–{interval.high:.1%}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
