"""The diagnosis of a run: what all signs together say of its numbers, and what to type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from belamy.errors import UsageError
from belamy.registry import Part, Registry
from belamy.runs.run import Run
from belamy.training.inheritance import discarded
from belamy.training.watch.finding import NOTE_FROM, Finding, Remedy, ranked
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
        sign = SIGNS.build(Part(name=name, **dict((options or {}).get(name, {}))))
        finding = sign(history) if concerned(sign, history) else None
        if finding is not None and finding.strength >= NOTE_FROM:
            found.append(replace(finding, sign=name, since=_since(history, name)))
    return ranked(found)


def concerned(sign: Any, history: RunHistory) -> bool:
    """Whether a run has the players, the capabilities and the kind of samples that a sign declares to need."""
    modalities = getattr(sign, "modalities", ())
    return (
        history.players.issuperset(getattr(sign, "players", ()))
        and all(history.can(capability) for capability in getattr(sign, "capabilities", ()))
        and (not modalities or history.modality in modalities)
    )


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


def facts(history: RunHistory) -> list[dict[str, Any]]:
    """What is found as plain data, as ``diagnosis.json`` holds it, each with its remedies as they are to be typed.

    Of a remedy: ``why`` in words; ``options`` for ``belamy train``; ``anew`` if with them the run's recipe is to be
    trained from the beginning instead of going on from the run.

    Args:
        history: The run; its domain and its newest checkpoint decide what can be gone on with.
    """
    return [
        {
            **found.facts(),
            "remedies": [told for each in found.remedies if (told := treatment(history, found.sign, each))],
        }
        for found in examine(history)
    ]


def treatment(history: RunHistory, sign: str, remedy: Remedy) -> dict[str, Any] | None:
    """What to type for a remedy; None if its networks cannot be made for the run's images."""
    if not remedy.changes:
        return {"why": remedy.why, "options": [], "anew": False}
    recipe, why, options = history.recipe.changed(**remedy.changes), [remedy.why], list(remedy.words)
    try:
        lost = discarded(history.recipe, recipe, history.spec) if history.spec else ()
    except UsageError:
        return None
    saved = history.saved or 0
    shorter = "train_samples" in remedy.changes and recipe.train_samples <= saved
    anew = bool(lost) or history.saved is None or shorter
    if not anew and "train_samples" not in remedy.changes and 2 * saved > recipe.train_samples:
        options += ["--train-samples", f"{saved + recipe.train_samples}"]  # too little of the run is left to act
    if lost:
        why.append(f"it discards the {' and the '.join(lost)}, so all begins anew")
    why.append(trials().get(sign, {}).get(remedy.why, "not measured"))
    return {"why": "; ".join(why), "options": options, "anew": anew}


@cache
def trials() -> dict[str, dict[str, str]]:
    """How each remedy of each sign did where it was tried, in words, as ``benchmarks/remedies.py`` found."""
    told: dict[str, dict[str, str]] = json.loads(
        resources.files(__package__).joinpath("trials.json").read_text("utf-8")
    )
    return told


def _since(history: RunHistory, sign: str) -> int | None:
    """When the journal first tells of a sign."""
    told = (row for row in history.events if row.get("event") == "finding" and row.get("sign") == sign)
    return next((int(row["samples"]) for row in told), None)
