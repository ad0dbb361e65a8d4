"""Draws docs/images/house.svg: the rooms of the package, their lines, and who imports whom.

    python docs/house.py

Every room stands below those that it imports; a line's width grows with the number of imports. What imports what is
read from the syntax trees, inside functions too, as ``tests/architecture`` reads it.
"""

from __future__ import annotations

import ast
from collections import Counter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "belamy"
LEVELS = (
    ("errors", "ranges", "registry", "seeds", "processes", "device", "progress", "docstrings", "settings"),
    ("modalities",),
    ("data", "networks", "losses"),
    ("methods",),
    ("recipes", "sampling"),
    ("pages",),
    ("runs",),
    ("evaluation",),
    ("training",),
    ("survey", "editing", "forensics", "game"),
    ("judges",),
    ("comparison",),
    ("api",),
    ("cli",),
)
"""The rooms in the order in which data flow: a room imports those of the lines before its own; leaves, each other."""
WIDTH, ROW, BOX, HIGH = 1080, 74, 120, 40


def modules() -> dict[str, Path]:
    """Dotted name → file of every module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the package that a file imports, at its top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    # `from belamy.data import open_data` is an import of belamy.data, `from belamy.game import match` of the module
    inner = {name for name in names if name in known}
    return {name for name in inner if not any(other.startswith(f"{name}.") for other in inner & names)}


def room(module: str) -> str:
    """The room of a module; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def draw() -> str:
    """The picture as SVG."""
    known = modules()
    lines: Counter[str] = Counter()
    edges: Counter[tuple[str, str]] = Counter()
    for name, path in known.items():
        lines[room(name)] += len(path.read_text(encoding="utf-8").splitlines())
        edges.update((room(name), room(other)) for other in imports(path, known) if room(other) not in ("", room(name)))
    place = {
        each: ((at + 0.5) * WIDTH / len(level), 34 + ROW * depth)
        for depth, level in enumerate(LEVELS)
        for at, each in enumerate(level)
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(LEVELS)}" font-family="sans-serif" '
        'font-size="14" text-anchor="middle"><style>text{fill:#222}small,.n{fill:#667;font-size:11px}'
        "rect{fill:#f4f1ea;stroke:#998}path{fill:none;stroke:#678;opacity:.28}"
        "@media(prefers-color-scheme:dark){text{fill:#eee}.n{fill:#aab}rect{fill:#2a2a2e;stroke:#776}path{stroke:#9bc}}"
        "</style>"
    ]
    for (low, high), count in sorted(edges.items()):
        if low in place and high in place:
            (x, y), (to_x, to_y) = place[low], place[high]
            bend = (y + to_y) / 2
            parts.append(
                f'<path stroke-width="{count**0.5:.1f}" d="M{x:.0f},{y:.0f}C{x:.0f},{bend:.0f} {to_x:.0f},{bend:.0f} '
                f'{to_x:.0f},{to_y:.0f}"><title>{low} imports {high}: {count}</title></path>'
            )
    for each, (x, y) in place.items():
        parts.append(
            f'<rect x="{x - BOX / 2:.0f}" y="{y - HIGH / 2:.0f}" width="{BOX}" height="{HIGH}" rx="6"/>'
            f'<text x="{x:.0f}" y="{y - 1:.0f}">{escape(each)}</text>'
            f'<text class="n" x="{x:.0f}" y="{y + 13:.0f}">{lines[each]:,} lines</text>'
        )
    return "".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    (ROOT / "docs" / "images" / "house.svg").write_text(draw(), encoding="utf-8")
