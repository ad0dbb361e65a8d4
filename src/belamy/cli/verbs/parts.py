"""List the parts (losses, penalties, networks, tricks, metrics …), or explain one: belamy parts [NAME]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

from belamy.cli.options import Json, options
from belamy.cli.parsing import verb
from belamy.docstrings import docstring, plain

if TYPE_CHECKING:
    from belamy.registry import Registry


@options
class Form(Json):
    """List the parts that a recipe's fields, and the metrics that an evaluation, can hold, or explain one."""

    name: Positional[str | None] = None
    """A part to explain; by default all are listed."""


@verb(Form)
def run(form: Form) -> int:
    """Print every part under the fields that hold it, or all about those of one name."""
    from belamy.errors import UsageError, nearest
    from belamy.evaluation.metrics import SPOKEN

    found = registries()
    if form.name is None:
        facts = {
            kind: {part: about(registry, part) for part in registry.names()} for kind, (registry, _) in found.items()
        }
        text = "\n".join(_section(kind, fields, facts[kind]) for kind, (_, fields) in found.items())
        return form.deliver(facts, text)
    name = form.name.lower().replace("_", "-")
    name = SPOKEN.get(name, name)
    holders = {kind: entry for kind, entry in found.items() if name in entry[0].names()}
    if not holders:
        known = [part for registry, _ in found.values() for part in (*registry.names(), *registry.spoken)]
        raise UsageError(f"There is no part '{name}'. {nearest(name, known)} `belamy parts` lists them all.")
    facts = {kind: about(registry, name) for kind, (registry, _) in holders.items()}
    return form.deliver(facts, "\n\n".join(_page(registry, name, fields) for registry, fields in holders.values()))


def registries() -> dict[str, tuple[Registry, list[str]]]:
    """Every kind of part: its registry and the recipes' fields, or the option, that hold such parts."""
    from belamy.evaluation.metrics import METRICS
    from belamy.registry import part_fields
    from belamy.runs.run import RECIPE_TYPES

    found: dict[str, tuple[Registry, list[str]]] = {METRICS.kind: (METRICS, ["metrics"])}
    for method in RECIPE_TYPES.names():
        for field, slot in part_fields(RECIPE_TYPES.load(method)).items():
            _, fields = found.setdefault(slot.registry.kind, (slot.registry, []))
            fields.extend([field] if field not in fields else [])
    return dict(sorted(found.items()))


def about(registry: Registry, name: str) -> dict[str, Any]:
    """What one part is, in a line, and its options with their defaults."""
    line = plain(docstring(registry.load(name))).partition("\n")[0]
    return {"description": line, "options": {key: option.default for key, option in registry.options(name).items()}}


def _section(kind: str, fields: list[str], parts: dict[str, dict[str, Any]]) -> str:
    width = max(map(len, parts), default=0)
    options = ", ".join(f"--{field.replace('_', '-')}" for field in fields)
    lines = [f"  {name:<{width}}  {fact['description']}" for name, fact in parts.items()]
    return "\n".join([f"{kind} ({options})", *lines, ""])


def _page(registry: Registry, name: str, fields: list[str]) -> str:
    options = about(registry, name)["options"]
    written = f"{name}:{','.join(f'{key}={value}' for key, value in options.items())}" if options else name
    usage = f"--{fields[0].replace('_', '-')} {written}"
    return f"{name}: {registry.kind}\n\n{plain(docstring(registry.load(name)))}\n\nWith its defaults: {usage}"
