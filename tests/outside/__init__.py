"""Methods and a modality of other packages, one file each and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent


def install(folder: Path, **files: str) -> None:
    """Install files of here as packages of their own: ``flow_matching="belamy.methods"``."""
    groups: Mapping[str, list[str]] = {group: [] for group in files.values()}
    for name, group in files.items():
        module = f"outside_{name}"
        (folder / f"{module}.py").write_text((HERE / f"{name}.py").read_text("utf-8"), "utf-8")
        groups[group].append(f"{name.replace('_', '-')} = {module}")
    info = folder / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\n" + "\n".join(lines) for group, lines in groups.items())
    )
