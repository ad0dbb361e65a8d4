"""Methods and a modality of other packages, one file each and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent


def install(folder: Path, files: Mapping[str, Sequence[str]]) -> None:
    """Install files of here as a package: by file, the groups of entry points that it stands in.

    Args:
        folder: Where; it is to be on the path.
        files: E.g. ``{"flow_matching": ["belamy.methods"]}``.
    """
    groups: dict[str, list[str]] = {}
    for name, stands in files.items():
        module = f"outside_{name}"
        (folder / f"{module}.py").write_text((HERE / f"{name}.py").read_text("utf-8"), "utf-8")
        for group in stands:
            groups.setdefault(group, []).append(f"{name.replace('_', '-')} = {module}")
    info = folder / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\n" + "\n".join(lines) for group, lines in groups.items())
    )
