"""List the recipes: named systems to train, and methods that no recipe names."""

from __future__ import annotations

from belamy import recipes
from belamy.cli.options import Json, options
from belamy.cli.parsing import verb


@options
class Form(Json):
    """List the recipes: named systems to train."""


@verb(Form)
def run(form: Form) -> int:
    """Print names and descriptions; nothing heavy is imported."""
    named = recipes.entries()
    used = {entry.method for entry in named.values()}
    entries = {**named, **{name: each for name, each in recipes.methods().items() if name not in used}}
    rows = [("recipe", "method", "data", "")]
    rows += [(name, each.method, each.data, each.description.replace("``", "`")) for name, each in entries.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {text}".rstrip() for a, b, c, text in rows]
    facts = {
        name: {"method": entry.method, "data": entry.data, "description": entry.description, "module": entry.module}
        for name, entry in entries.items()
    }
    return form.deliver({"recipes": facts}, "\n".join([*lines, "", "Train one with: belamy train RECIPE"]))
