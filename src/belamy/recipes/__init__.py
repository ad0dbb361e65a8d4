"""Named systems: each is a method with its settings.

A module here holds the recipes of one course, book or paper, each as a function without parameters; the function
``dcgan_mnist`` makes the recipe ``dcgan-mnist``. Names and descriptions are read from the text, without importing.
Other packages add modules by entry points of the group ``belamy.recipes``.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from belamy.errors import UsageError, nearest

if TYPE_CHECKING:
    from belamy.methods.base import BaseRecipe


class Entry(NamedTuple):
    """Where a recipe is made, and the first line of its docstring."""

    module: str
    function: str
    description: str


def entries() -> dict[str, Entry]:
    """Every recipe by name, sorted; nothing is imported."""
    modules = {f"{__name__}.{path.stem}": path for path in Path(__file__).parent.glob("*.py") if path.stem[0] != "_"}
    for entry in entry_points(group=__name__):
        spec = find_spec(entry.module)
        if spec and spec.origin:
            modules[entry.module] = Path(spec.origin)
    found = {name: entry for module, path in modules.items() for name, entry in _functions(module, path)}
    return dict(sorted(found.items()))


def names() -> list[str]:
    """The names of all recipes, sorted."""
    return list(entries())


def get(name: str) -> BaseRecipe:
    """The recipe of a name.

    Raises:
        UsageError: There is none; the message names the nearest.

    Example:
        >>> get("dcgan-mnist").latent
        100
    """
    known = entries()
    name = name.replace("_", "-")
    if name not in known:
        raise UsageError(f"There is no recipe '{name}'. {nearest(name, known)} `belamy recipes` lists them.")
    entry = known[name]
    recipe: BaseRecipe = getattr(import_module(entry.module), entry.function)()
    return recipe


def _functions(module: str, path: Path) -> list[tuple[str, Entry]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return [
        (node.name.replace("_", "-"), Entry(module, node.name, (ast.get_docstring(node) or "").partition("\n")[0]))
        for node in made
    ]
