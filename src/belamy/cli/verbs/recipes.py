"""List the recipes: named systems to train."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """List the recipes: named systems to train."""

    json: str | None = None
    """Write the list as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Print names and descriptions; nothing heavy is imported."""
    from belamy import recipes
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy recipes")
    entries = recipes.entries()
    rows = [("recipe", "method", "data", "")]
    rows += [(name, entry.method, entry.data, _plain(entry.description)) for name, entry in entries.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {text}".rstrip() for a, b, c, text in rows]
    facts = {
        name: {"method": entry.method, "data": entry.data, "description": entry.description, "module": entry.module}
        for name, entry in entries.items()
    }
    deliver({"recipes": facts}, form.json, "\n".join([*lines, "", "Train one with: belamy train RECIPE"]))
    return 0


def _plain(description: str) -> str:
    return description.replace("``", "`")
