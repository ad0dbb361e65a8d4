"""Write the report and the animation of a run anew."""

from __future__ import annotations

from typing import Any

from belamy.cli.options import Json, options
from belamy.cli.parsing import verb


@options
class Form(Json):
    """Write the report and the animation of a run anew, finished or not, and say where the report is."""

    run: str
    """The run's directory."""


@verb(Form)
def run(form: Form) -> int:
    """Publish and print the report's path."""
    from belamy.cli.output import tell_lost
    from belamy.runs.publish import publish
    from belamy.runs.run import Run
    from belamy.training.watch.diagnosis import facts as diagnosed
    from belamy.training.watch.history import RunHistory

    run = Run.open(form.run)
    run.save_diagnosis(diagnosed(RunHistory.of(run)))
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
    return form.deliver(facts, str(page))
