"""Named systems: each is a method with its settings.

A module here holds the recipes of one course, book or paper, each as a function without parameters; the function
``dcgan_mnist`` makes the recipe ``dcgan-mnist``. Names and descriptions are read from the text, without importing.
Other packages add modules by entry points of the group ``belamy.recipes``. A method that no recipe has the name of is
its own recipe: its ``Recipe`` with all defaults.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from belamy.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from belamy.methods.base import BaseRecipe
    from belamy.registry import Registry


USUAL_DATA = "mnist"
"""The data of a recipe that names none: the default of ``BaseRecipe``, whose import would take seconds."""


class RecipeEntry(NamedTuple):
    """Where a recipe is made, and what its text tells: method, data and the first line of its docstring."""

    module: str
    function: str
    method: str
    data: str
    description: str


def entries() -> dict[str, RecipeEntry]:
    """Every recipe by name, sorted; nothing is imported."""
    modules = {f"{__name__}.{path.stem}": path for path in Path(__file__).parent.glob("*.py") if path.stem[0] != "_"}
    for entry in entry_points(group=__name__):
        try:
            spec = find_spec(entry.module)
        except ImportError:  # its package is gone
            continue
        if spec and spec.origin:
            modules[entry.module] = Path(spec.origin)
    found = {
        name: entry
        for module, path in modules.items()
        for name, entry in _functions(module, path, path.stat().st_mtime_ns)
    }
    return dict(sorted(found.items()))


def names() -> list[str]:
    """The names of all recipes, sorted."""
    return list(entries())


def methods() -> dict[str, RecipeEntry]:
    """The methods that are trained by their own names with their defaults, sorted; nothing of theirs is imported."""
    named = entries()
    return {name: _of_method(name, module) for name, module in _methods().modules().items() if name not in named}


def known() -> list[str]:
    """All names that ``belamy train`` takes, sorted: of recipes, and of methods."""
    return sorted([*entries(), *methods()])


def get(name: str) -> BaseRecipe:
    """The recipe of a name.

    Raises:
        UsageError: There is none; the message names the nearest.

    Example:
        >>> get("dcgan-mnist").latent
        100
    """
    named, own = entries(), methods()
    name = name.replace("_", "-")
    if name not in named and name not in own:
        raise UsageError(f"There is no recipe '{name}'. {nearest(name, [*named, *own])} `belamy recipes` lists them.")
    entry = named.get(name)
    make: Callable[[], Any] = _methods().load(name) if entry is None else getattr(
        import_module(entry.module), entry.function)  # fmt: skip
    recipe: BaseRecipe = make()
    return recipe


def _methods() -> Registry:
    from belamy.registry import Registry

    return Registry("belamy.methods", "method", "Recipe")


@cache
def _functions(module: str, path: Path, _changed: int) -> list[tuple[str, RecipeEntry]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}
    return [(name.replace("_", "-"), _entry(module, node, made)) for name, node in made.items()]


def _of_method(name: str, module: str) -> RecipeEntry:
    """What the text of a method's module tells: its first line, and the data that its ``Recipe`` names."""
    spec = find_spec(module)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else ast.Module([], [])
    made = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Recipe"), None)
    data = [
        node.value.value
        for node in (made.body if made else ())
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "data"
        and isinstance(node.value, ast.Constant)
    ]
    description = (ast.get_docstring(tree) or "").partition("\n")[0]
    return RecipeEntry(module, "Recipe", name, str(data[0]) if data else USUAL_DATA, description)  # fmt: skip


def _entry(module: str, function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> RecipeEntry:
    """What the text of a function ``def name() -> gan.Recipe`` tells."""
    made = function.returns.value if isinstance(function.returns, ast.Attribute) else None
    method = made.id.replace("_", "-") if isinstance(made, ast.Name) else ""
    description = (ast.get_docstring(function) or "").partition("\n")[0]
    return RecipeEntry(module, function.name, method, _data(function, functions), description)


def _data(function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> str:
    """The data that a recipe names, or that the recipe of the same file names from which it is changed."""
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == "data" and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    called = [
        node.func.id for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    bases = [functions[name] for name in called if name in functions]
    return _data(bases[0], functions) if bases else USUAL_DATA
