"""Check the installation: versions, devices, disk, then train a small classifier and resume it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.cli.options import Device, Json, options
from belamy.cli.output import say
from belamy.cli.parsing import verb

if TYPE_CHECKING:
    from belamy.runs.run import Run

EXTRAS = {"tensorboard": "log", "av": "video"}
LEAST_FREE = 2 << 30
"""Bytes that a few runs take."""
SAMPLES = 60_000
LEAST_ACCURACY = 0.85
"""Adam reaches 0.91 to 0.93 after one pass."""


@options
class Form(Device, Json):
    """Check the installation; the exit code is 0 when all is well."""


@dataclass(frozen=True)
class Check:
    """One finding; one that is not ``ok`` makes the exit code 1."""

    name: str
    ok: bool
    detail: str


@verb(Form)
def run(form: Form) -> int:
    """Check everything and print the findings as they come."""
    checks = []
    for check in (*installation(), *storage(), *training(form.device)):
        checks.append(check)
        if not form.quiet:
            say(f"{'ok ' if check.ok else 'BAD'}  {check.name:<11} {check.detail}")
    well = all(check.ok for check in checks)
    verdict = "All is well." if well else "Something is wrong: see the lines that begin with BAD."
    form.deliver({"ok": well, "checks": [asdict(check) for check in checks]}, verdict)
    return 0 if well else 1


def installation() -> Iterator[Check]:
    """Python, packages, devices and extras."""
    import torch

    yield Check("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}")
    told = {name: (_version(name), least) for name, least in needed().items()}
    words = [
        f"{name} {number or 'MISSING'}" + ("" if number and new_enough(number, least) else f" (at least {least})")
        for name, (number, least) in told.items()
    ]
    yield Check("packages", not any(word.endswith(")") for word in words), ", ".join(words))
    devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("devices", True, ", ".join(["cpu", *devices]))
    yield Check("threads", True, f"{torch.get_num_threads()} of PyTorch on {cores} cores")
    for package, extra in EXTRAS.items():
        detail = "installed" if find_spec(package) else f"not installed (optional: pip install 'belamy[{extra}]')"
        yield Check(package, True, detail)


def needed() -> dict[str, str]:
    """The packages that this one cannot do without, and the least version of each that it states."""
    try:
        asked = requires("belamy") or ()
    except PackageNotFoundError:  # run from its source, not installed
        return {}
    stated = [re.fullmatch(r"([\w-]+)>=([\d.]+)", each) for each in asked]
    return {match[1]: match[2] for match in stated if match}  # extras have a condition behind them


def new_enough(version: str, least: str) -> bool:
    """Whether a version is at least another.

    Example:
        >>> new_enough("1.0.17", "1.0.16"), new_enough("2.10.0+cpu", "2.6"), new_enough("1.0.9", "1.0.16")
        (True, True, False)
    """
    numbers = [[int(part) for part in re.findall(r"\d+", each.partition("+")[0])] for each in (version, least)]
    return numbers[0] + [0] * 9 >= numbers[1]


def storage() -> Iterator[Check]:
    """Folders that must be writable, and the space left."""
    from belamy.data.load_options import LoadOptions

    for name, folder in (("cache", LoadOptions().cache_folder), ("this folder", Path.cwd())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                yield Check(name, True, f"{folder} can be written")
        except OSError as error:
            yield Check(name, False, f"{folder} cannot be written: {error.strerror}")
    free = shutil.disk_usage(Path.cwd()).free
    yield Check("disk", free >= LEAST_FREE, f"{free / 1e9:.1f} GB free here; {LEAST_FREE / 1e9:.1f} GB are wanted")


def training(device: str) -> Iterator[Check]:
    """Train ``classifier-mnist`` for one pass, then go on from an earlier checkpoint as after a power cut."""
    from belamy.api.train import resume, train
    from belamy.errors import BelamyError
    from belamy.registry import Part

    with tempfile.TemporaryDirectory(prefix="belamy-doctor-") as folder:
        try:
            run = train(
                "classifier-mnist", out=Path(folder, "run"), device=device, progress=False, checkpoint_seconds=0.5,
                samples=SAMPLES, optimizer=Part(name="adam"),
            )  # fmt: skip
            accuracy, speed = _accuracy(run), _latest(run, "speed")
            detail = f"accuracy {accuracy:.3f} after {SAMPLES:,} digits, {speed:,.0f} a second"
            yield Check("training", accuracy >= LEAST_ACCURACY, f"{detail}; at least {LEAST_ACCURACY} is expected")
            shutil.rmtree(run.checkpoints()[-1])
            again = _accuracy(resume(run.path, device=device, progress=False))
            exact = abs(again - accuracy) < (1e-9 if device == "cpu" else 0.01)  # other devices sum in any order
            yield Check("resuming", exact, f"accuracy {again:.3f} after going on from an earlier checkpoint")
        except BelamyError as error:
            yield Check("training", False, str(error))


def _latest(run: Run, fact: str) -> Any:
    return next(row[fact] for row in reversed(run.metrics()) if fact in row)


def _accuracy(run: Run) -> float:
    return float(_latest(run, "evaluation")["accuracy"])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
