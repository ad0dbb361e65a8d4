"""Write the report and the animation of a run anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """Write the report and the animation of a run anew, finished or not, and say where the report is."""

    run: str
    """The run's directory."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Publish and print the report's path."""
    from belamy.cli.output import deliver, tell_lost
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy report")
    from belamy.runs.publish import publish
    from belamy.runs.run import Run
    from belamy.training.watch.diagnosis import facts
    from belamy.training.watch.history import RunHistory

    run = Run.open(form.run)
    run.save_diagnosis(facts(RunHistory.of(run)))
    page = publish(run)
    rows = run.metrics()
    tell_lost(run.lost)
    facts: dict[str, Any] = {
        "report": str(page),
        "recipe": run.recipe_name,
        "method": run.method_name,
        "fields": run.recipe.model_dump(mode="json"),
        "samples": run.samples_seen,
        "latest": next((row for row in reversed(rows) if "losses" in row), None),
        "evaluations": [row for row in rows if "evaluation" in row],
    }
    deliver(facts, form.json, str(page))
    return 0
