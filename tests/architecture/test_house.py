"""The rules of the house, held over the syntax trees of the package: what imports what, how long, how named."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "belamy"
MODULES = sorted(PACKAGE.rglob("*.py"))
LEVELS = (
    ("errors", "processes", "seeds", "shelf"),
    ("data", "networks", "losses"),
    ("methods",),
    ("recipes", "sampling"),
    ("pages",),
    ("runs",),
    ("evaluation", "game", "forensics", "survey", "editing"),
    ("training",),
    ("cli",),
)
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
# The package's own __init__ names what it hands out and imports it only when it is asked for.
DOOR = PACKAGE / "__init__.py"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a module imports, at its top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("belamy.")}


def public(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public classes, functions and methods, those inside functions and of overridden protocols left out."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [*found, *(node for top in found if isinstance(top, ast.ClassDef) for node in top.body
                      if isinstance(node, kinds) and not node.name.startswith("_"))]  # fmt: skip


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 50
    assert {room(path) for path in MODULES if path != DOOR} <= LEVEL.keys() | {"__main__"}


@pytest.mark.parametrize("path", [path for path in MODULES if path != DOOR], ids=relative)
def test_imports_go_down_the_list(path: Path) -> None:
    if room(path) == "__main__":
        return
    here = LEVEL[room(path)]
    wrong = {
        other
        for other in imported_rooms(path) - {room(path)}
        if other in LEVEL and (LEVEL[other] > here or (LEVEL[other] == here and here == LEVEL["data"]))
    }
    assert not wrong, f"{path} imports {sorted(wrong)}"


def test_leaves_import_nothing_of_the_house_but_leaves() -> None:
    for name in LEVELS[0]:
        assert imported_rooms(PACKAGE / f"{name}.py") <= set(LEVELS[0])


def test_recipes_and_sampling_do_not_know_each_other() -> None:
    for path in MODULES:
        if room(path) in LEVELS[3]:
            assert not imported_rooms(path) & (set(LEVELS[3]) - {room(path)}), path


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            assert length <= 60, f"{node.name} has {length} lines"


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if ast.get_docstring(node) is None or first.end_lineno is None:
        return 0
    return first.end_lineno - first.lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_everything_public_says_what_it_is(path: Path) -> None:
    if relative(path) != "cli/__init__.py" and path.read_text(encoding="utf-8").strip():
        assert ast.get_docstring(tree(path)), f"{path} has no docstring"
    # A class that fills in a protocol repeats no docstring: the protocol's is the one.
    silent = [node.name for node in public(path) if not ast.get_docstring(node)]
    silent = [name for name in silent if name not in documented_by_protocols()]
    assert not silent, f"{path}: {silent}"


@cache
def documented_by_protocols() -> frozenset[str]:
    """Methods that a protocol of the package documents."""
    classes = [top for path in MODULES for top in tree(path).body if isinstance(top, ast.ClassDef)]
    return frozenset(
        method.name
        for top in classes
        if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in top.bases)
        for method in top.body
        if isinstance(method, ast.FunctionDef) and ast.get_docstring(method)
    )


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path != DOOR and room(path) in ("networks", "losses")], ids=relative
)
def test_networks_and_losses_only_compute(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Name) and called.id in ("print", "open")), f"{called.id}() in {path}"
            assert not (isinstance(called, ast.Attribute) and called.attr in ("item", "backward")), (
                f".{called.attr}() in {path}"
            )


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "common", "misc", "helpers", "helper", "tools"}
    assert not [path for path in MODULES if drawers & set(path.relative_to(PACKAGE).with_suffix("").parts)]


def test_nothing_calls_print_but_the_command_line() -> None:
    for path in MODULES:
        if room(path) != "cli":
            calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
            assert not [called for called in calls if isinstance(called, ast.Name) and called.id == "print"], path


def test_loading_runs_no_code() -> None:
    """No pickle, no eval, in any module; published weights are read as weights only, in one place."""
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & set(names), path
            if isinstance(node, ast.Call):
                text = ast.unparse(node.func)
                assert text not in ("eval", "exec", "torch.save", "yaml.load"), f"{text} in {path}"
                if text == "torch.load":
                    assert path == PACKAGE / "evaluation" / "weights.py"
                    assert "weights_only=True" in ast.unparse(node)


@pytest.mark.parametrize(
    "statement", ["import belamy", "import belamy.registry, belamy.seeds, belamy.errors, belamy.cli"]
)
def test_importing_is_quick(statement: str) -> None:
    """No heavy library comes with the package until it is used."""
    script = f"{statement}\nimport sys\nassert not {{'torch', 'numpy', 'PIL'}} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""})


def tracked() -> list[Path]:
    """The text files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [str(path.relative_to(ROOT)) for path in (*MODULES, *ROOT.glob("*.*"))]
    kinds = {".py", ".toml", ".md", ".txt", ".json", ".yml", ".yaml", ".cfg", ".html", ".js", ".css", "", ".lock"}
    return [ROOT / name for name in names if Path(name).suffix in kinds and (ROOT / name).is_file()]


def test_no_file_names_this_machine_or_a_registry() -> None:
    """A clone works anywhere: no home folder, no scratch folder, no package index is written down."""
    # Written with brackets, so that this file does not name them either.
    patterns = [
        *(rf"/{folder}/\w+" for folder in ("[h]ome", "[U]sers", "[r]oot", "[w]ork")),
        r"[p]ypi\.(org|python)",
        r"files[.]pythonhosted",
        r"[i]ndex-url",
        r"registry[.]npmjs",
        r"download[.]pytorch",
    ]
    wanted = re.compile("|".join(patterns))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        for match in wanted.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found
