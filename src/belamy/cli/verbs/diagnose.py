"""Say what goes wrong in a run, on what evidence, and what to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from belamy.cli.options import Json, Within, options
from belamy.cli.parsing import verb


@options
class Form(Json):
    """Say what goes wrong in a run, finished, interrupted or still training, on what evidence, and what to type."""

    run: str
    """The run's directory."""
    at: Annotated[float, Within(0, 1, above=True)] = 1.0
    """Judge by what was known after this share of the run's samples."""


@verb(Form)
def run(form: Form) -> int:
    """Print the findings, the gravest first."""
    from belamy.cli.output import tell_lost
    from belamy.runs.report.page import command
    from belamy.runs.run import Run
    from belamy.training.watch.diagnosis import facts
    from belamy.training.watch.history import RunHistory

    run = Run.open(form.run)
    history = RunHistory.of(run)
    history = history if form.at == 1 else history.until(form.at * run.recipe.train_samples)
    found = facts(history)
    for finding in found:
        for remedy in finding["remedies"]:
            remedy["command"] = command(str(run.path), remedy["options"], remedy["anew"])
    looks = sum("watch" in row for row in history.rows)
    told = {"run": str(run.path), "samples": history.samples, "looks": looks, "findings": found}
    tell_lost(run.lost)
    return form.deliver(told, text(found, history.samples, looks))


def text(findings: Sequence[Mapping[str, Any]], samples: int, looks: int) -> str:
    """The findings for people.

    Args:
        findings: The gravest first.
        samples: Training samples seen.
        looks: How often the watch looked at the run's images.
    """
    basis = f"{samples:,} training samples, {looks} looks"
    if not looks:
        basis += "; without looks only losses and gradients can be judged"
    if not findings:
        return f"Nothing is wrong that the watch can see ({basis})."
    return "\n\n".join([f"{len(findings)} found ({basis}), the gravest first.", *map(_paragraph, findings)])


def _paragraph(finding: Mapping[str, Any]) -> str:
    since = f", first seen after {finding['since']:,} samples" if finding["since"] is not None else ""
    lines = [f"{finding['severity'].upper()}: {finding['title']}{since}"]
    lines += [f"  {finding['says']}", f"  {finding['cause']}"]
    for number, remedy in enumerate(finding["remedies"], start=1):
        lines.append(f"  {number}. {remedy['why']}")
        if remedy["command"]:
            lines.append(f"     {remedy['command']}")
    return "\n".join(lines)
