"""The rules of the house, held over the syntax trees of the package: what imports what, how long, how named.

Each rule is one test, whose failure lists every place that breaks it.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("house", ROOT / "docs" / "house.py")
assert SPEC and SPEC.loader
house = importlib.util.module_from_spec(SPEC)  # the rooms, as CONTRIBUTING's picture draws them
SPEC.loader.exec_module(house)
PACKAGE: Path = house.PACKAGE
KNOWN: dict[str, Path] = house.modules()
MODULES = list(KNOWN.values())
LEVEL = {room: number for number, rooms in enumerate(house.LEVELS) for room in rooms}
# Packages' own __init__ hand out names of their modules, and import them only when they are asked for.
DOORS = {"belamy", "belamy.data"}
LINES, FUNCTION = 500, 60
"""Lines of a module; lines of a function without its docstring."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that one imports, at its top or inside functions."""
    return frozenset(house.imports(KNOWN[module], KNOWN))


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def public(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public classes, functions and methods, those inside functions and of overridden protocols left out."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [*found, *(node for top in found if isinstance(top, ast.ClassDef) for node in top.body
                      if isinstance(node, kinds) and not node.name.startswith("_"))]  # fmt: skip


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 300
    assert {house.room(module) for module in KNOWN} - LEVEL.keys() <= {"", "__main__"}
    assert sum(len(imports(module)) for module in KNOWN) > 1000


def test_imports_go_one_way() -> None:
    """A room imports those before it; rooms of one line know nothing of each other, the leaves apart."""
    wrong = [
        f"{module} imports {other}"
        for module in KNOWN.keys() - {"belamy", "belamy.__main__"}
        for other in imports(module) - {"belamy"}
        if (here := house.room(module)) != (there := house.room(other))
        and (LEVEL[there] > LEVEL[here] or LEVEL[there] == LEVEL[here] > 0)
    ]
    assert not wrong


def test_no_two_files_import_each_other() -> None:
    graph = {module: imports(module) - DOORS for module in KNOWN.keys() - DOORS}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_modules_and_functions_are_short() -> None:
    wrong = [relative(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > LINES]
    for path in MODULES:
        for node in functions(path):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            if length > FUNCTION:
                wrong.append(f"{relative(path)}: {node.name} has {length} lines")
    assert not wrong


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if ast.get_docstring(node) is None or first.end_lineno is None:
        return 0
    return first.end_lineno - first.lineno + 1


def test_everything_public_says_what_it_is() -> None:
    files = [path for path in MODULES if relative(path) != "cli/__init__.py" and path.read_text("utf-8").strip()]
    silent = [relative(path) for path in files if not ast.get_docstring(tree(path))]
    # A class that fills in a protocol repeats no docstring: the protocol's is the one.
    silent += [
        f"{relative(path)}: {node.name}"
        for path in files
        for node in public(path)
        if not ast.get_docstring(node) and node.name not in documented_by_protocols()
    ]
    assert not silent


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


def test_one_class_name_means_one_thing() -> None:
    """Only the roles of a registry, of which every part's module has one, and private classes may share a name."""
    roles = {"Form"} | {  # the options of a verb, in each verb's module
        ast.literal_eval(node.args[2])
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Registry" and len(node.args) == 3
    }
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in roles:
                places.setdefault(node.name, []).append(relative(path))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_networks_and_losses_only_compute() -> None:
    wrong = []
    for path in (path for module, path in KNOWN.items() if house.room(module) in ("networks", "losses")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                called = node.func
                if isinstance(called, ast.Name) and called.id in ("print", "open"):
                    wrong.append(f"{called.id}() in {relative(path)}")
                if isinstance(called, ast.Attribute) and called.attr in ("item", "backward"):
                    wrong.append(f".{called.attr}() in {relative(path)}")
    assert not wrong


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "common", "misc", "helpers", "helper", "tools"}
    assert not [path for path in MODULES if drawers & set(path.relative_to(PACKAGE).with_suffix("").parts)]


def test_nothing_calls_print_but_the_command_line() -> None:
    for module, path in KNOWN.items():
        if house.room(module) != "cli":
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
                    assert path == PACKAGE / "data" / "weights.py"
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
