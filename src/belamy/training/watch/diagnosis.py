"""The diagnosis of a run: what all signs together say of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from belamy.registry import Part, Registry
from belamy.runs.run import Run
from belamy.training.watch.finding import NOTE_FROM, Finding, ranked
from belamy.training.watch.history import RunHistory

SIGNS = Registry("belamy.training.watch.signs", "sign", "Sign")


def examine(history: RunHistory, options: Mapping[str, Mapping[str, Any]] | None = None) -> list[Finding]:
    """What the signs see in the course of a run, the gravest first; nothing is trained or drawn.

    Args:
        history: The numbers so far.
        options: Limits to use instead of the signs' own, by sign and option.

    Example:
        >>> from belamy.methods.gan import Recipe
        >>> examine(RunHistory(Recipe(), []))
        []
    """
    found = []
    for name in SIGNS.names():
        finding = SIGNS.build(Part(name=name, **dict((options or {}).get(name, {}))))(history)
        if finding is not None and finding.strength >= NOTE_FROM:
            found.append(replace(finding, sign=name, since=_since(history, name)))
    return ranked(found)


def diagnose(run: Run | str | Path) -> list[Finding]:
    """What goes wrong in a run, finished, interrupted or still training, the gravest first.

    Args:
        run: A run or its directory.

    Raises:
        RunError: There is no run, or it is damaged.

    Example:
        >>> diagnose("runs/digits-1")  # doctest: +SKIP
        []
    """
    return examine(RunHistory.of(run if isinstance(run, Run) else Run.open(run)))


def _since(history: RunHistory, sign: str) -> int | None:
    """When the journal first tells of a sign."""
    told = (row for row in history.events if row.get("event") == "finding" and row.get("sign") == sign)
    return next((int(row["samples"]) for row in told), None)
