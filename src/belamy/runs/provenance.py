"""Where a run comes from: versions, hardware, source, command."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("belamy", "torch", "numpy", "safetensors", "pillow", "pydantic")


def provenance(device: str, precision: str, snapshots: int, processes: int, data: str) -> dict[str, Any]:
    """The facts that a run records when it starts.

    Args:
        device: Type of the device.
        precision: As the user gave it.
        snapshots: Sheets of samples to draw over the run.
        processes: How many share the work.
        data: Fingerprint of the data.
    """
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "git": git_state(Path.cwd()),
        "precision": precision,
        "snapshots": snapshots,
        "data": data,
        "sessions": [session(device, processes)],
    }


def _program() -> str:
    """The program's name; ``python -m belamy`` is ``belamy`` too."""
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def session(device: str, processes: int) -> dict[str, Any]:
    """The facts of one sitting: a run has several if it was interrupted."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([_program(), *sys.argv[1:]]),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "platform": platform.platform(),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that ``folder`` lies in and whether it has changes; None outside one."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
