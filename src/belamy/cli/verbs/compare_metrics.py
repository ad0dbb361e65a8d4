"""Set results of `belamy evaluate` side by side, if they came about alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """Set results of `belamy evaluate` side by side. Numbers of different protocols are refused."""

    results: tuple[str, ...]
    """Two or more: runs that were evaluated, or files that `belamy evaluate --json FILE` wrote."""
    label: bool = False
    """Show numbers of different protocols all the same, apart, with the differences."""
    json: str | None = None
    """Write the comparison as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Compare and print the table."""
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy compare-metrics")
    from belamy.evaluation.contrast import Contrast
    from belamy.evaluation.verdict import Verdict

    contrast = Contrast(tuple(Verdict.load(path) for path in form.results))
    if not form.label:
        contrast.check()
    deliver(contrast.as_json(), form.json, contrast.table())
    return 0
