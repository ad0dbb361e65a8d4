"""Named systems: each is a method with its settings.

A module here holds the recipes of one course, book or paper, each as a function without parameters; the function
``dcgan_mnist`` makes the recipe ``dcgan-mnist``. Names and descriptions are read from the text, without importing.
Other packages add modules by entry points of the group ``belamy.recipes``. A method that no recipe has the name of is
its own recipe: its ``Recipe`` with all defaults.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from belamy.errors import UsageError, nearest

if TYPE_CHECKING:
    from belamy.methods.base import BaseRecipe


METHODS = Path(__file__).parent.parent / "methods"
USUAL_DATA = "mnist"
"""The data of a recipe that names none: the default of ``BaseRecipe``, whose import would take seconds."""


class RecipeEntry(NamedTuple):
    """Where a recipe is made, and what its text tells: method, data and the first line of its docstring."""

    module: str
    function: str
    method: str
    data: str
    description: str


def default_for(data: str | None) -> str:
    """The recipe that is trained where none is named: ``digits`` on MNIST, ``pictures`` on other data."""
    return "digits" if data in (None, USUAL_DATA) else "pictures"


def entries() -> dict[str, RecipeEntry]:
    """Every recipe by name, sorted; nothing is imported."""
    modules = {module: path for _, module, path in _sources(__name__, Path(__file__).parent)}
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
    """The methods that are trained by their own names with their defaults, sorted; nothing is imported."""
    named = entries()
    found = {name.replace("_", "-"): (module, path) for name, module, path in _sources("belamy.methods", METHODS)}
    return {
        name: entry
        for name, (module, path) in sorted(found.items())
        if name not in named and (entry := _of_method(name, module, path, path.stat().st_mtime_ns))
    }


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
    if entry is None:
        from belamy.registry import Registry

        return Registry("belamy.methods", "method", "Recipe").load(name)()
    recipe: BaseRecipe = getattr(import_module(entry.module), entry.function)()
    return recipe


def _sources(group: str, folder: Path) -> list[tuple[str, str, Path]]:
    """Name, module and file of each part of a folder, and of other packages' parts."""
    own = [(path.stem, f"{group}.{path.stem}", path) for path in folder.glob("*.py") if path.stem[0] != "_"]
    for entry in _of_others(group, tuple(sys.path)):
        try:
            spec = find_spec(entry.module)
        except ImportError:  # its package is gone
            continue
        if spec and spec.origin:
            own.append((entry.name, entry.module, Path(spec.origin)))
    return own


@cache
def _of_others(group: str, _path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


@cache
def _functions(module: str, path: Path, _changed: int) -> list[tuple[str, RecipeEntry]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return [(name.replace("_", "-"), _entry(module, node, made)) for name, node in made.items() if name[0] != "_"]


@cache
def _of_method(name: str, module: str, path: Path, _changed: int) -> RecipeEntry | None:
    """What the text of a method's module tells: its first line, and the data that its ``Recipe`` names; None of another
    file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if not {"Recipe", "Method"} <= made.keys():
        return None
    description = (ast.get_docstring(tree) or "").partition("\n")[0]
    return RecipeEntry(module, "Recipe", name, _own_data(made["Recipe"], path), description)


def _own_data(recipe: ast.ClassDef, path: Path) -> str:
    """The data that a method's ``Recipe`` names, or that of another method beside it from which it inherits."""
    for node in recipe.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "data":
            return str(ast.literal_eval(node.value)) if node.value else USUAL_DATA
    for base in recipe.bases:
        if isinstance(base, ast.Attribute) and base.attr == "Recipe" and isinstance(base.value, ast.Name):
            beside = path.with_name(f"{base.value.id}.py")
            tree = ast.parse(beside.read_text(encoding="utf-8")) if beside.exists() else ast.Module([], [])
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and node.name == "Recipe":
                    return _own_data(node, beside)
    return USUAL_DATA


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
