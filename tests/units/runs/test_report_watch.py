"""The diagnosis in the report: findings with charts, limits and commands; safe against what they say."""

from __future__ import annotations

import dataclasses

import pytest

from belamy.runs.report import ReportFacts, render
from belamy.runs.report.page import command

FOUND = {
    "sign": "mode-collapse", "title": "mode collapse", "severity": "severe", "since": 12_000, "strength": 1.4,
    "says": "Samples differ 20% as much.", "cause": "Few images pass.",
    "evidence": [{"name": "diversity", "points": [[1.0, 0.9], [2.0, 0.2]], "limit": 0.5},
                 {"name": "loss", "points": [[1.0, 1.0], [2.0, 2.0]], "limit": None}],
    "remedies": [{"why": "learn more slowly", "options": ["--generator-optimizer.lr", "0.0005"]},
                 {"why": "show more images", "options": []}],
}  # fmt: skip
FACTS = ReportFacts("digits", "gan", findings=[FOUND], run="runs/my run")


def test_a_finding_has_charts_and_what_to_type() -> None:
    page = render(FACTS)
    assert '<a href="#watch">Diagnosis</a>' in page
    assert "Mode collapse" in page and "severe" in page and "First seen after 12,000 training samples." in page
    section = page.partition('<section id="watch">')[2]
    assert section.count('<svg class="chart"') == 2 and section.count('data-name="limit"') == 1
    assert section.count("<pre") == 1 and section.count("<li>") == 2
    assert "belamy train --resume-from &#39;runs/my run&#39; --generator-optimizer.lr 0.0005" in section


def test_without_findings_there_is_no_section() -> None:
    assert 'id="watch"' not in render(dataclasses.replace(FACTS, findings=()))


def test_what_a_finding_says_is_only_text() -> None:
    evil = "<script>alert(1)</script>"
    page = render(dataclasses.replace(FACTS, findings=[
        {"title": evil, "severity": evil, "says": evil, "cause": evil, "evidence": [{"name": evil, "points": [[0, 1]]}],
         "remedies": [{"why": evil, "options": [evil]}]}]))  # fmt: skip
    assert page.count("<script") == 1 and page.count("alert(1)") >= 6


@pytest.mark.parametrize("found", [{}, {"evidence": None, "remedies": None}, {"evidence": [{}], "remedies": [{}]}])
def test_a_finding_with_gaps_is_shown_as_far_as_it_goes(found: dict[str, object]) -> None:
    assert '<section id="watch">' in render(dataclasses.replace(FACTS, findings=[found]))


def test_commands_quote_what_a_shell_would_split() -> None:
    assert command("a b", ["--x", "1"]) == "belamy train --resume-from 'a b' --x 1"
    assert command("a", []) == ""
