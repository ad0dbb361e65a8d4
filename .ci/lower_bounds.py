"""Prints the requirements of pyproject.toml at their stated lower bounds, for pip: ``numpy==1.26`` for ``numpy>=1.26``.

PyTorch is left at what the developers' requirements pin: its old wheels are large, and not every index serves them.
What needs a compiler or gigabytes of other packages is left out.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("torch", "pesq", "open_clip_torch", "timm", "tensorboard")


def lower_bounds() -> list[str]:
    """One requirement each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    found = [re.fullmatch(r"([\w-]+)>=([\d.]+)", each) for each in stated]
    assert all(found), "every dependency states a lower bound and nothing else"
    pinned = re.search(r"^torch==\S+$", (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned
    return [pinned[0], *(f"{match[1]}=={match[2]}" for match in found if match and match[1] not in LEFT_OUT)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lower_bounds()) + "\n")
