"""A run killed at any instant goes on to the very bits of the run that was not."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from belamy.methods.base import METHODS
from belamy.runs.run import Run

REPRESENTATIVES = ("gan", "vae", "n-grams", "stackgan")
"""Methods that the quick tests kill: the trainer answers for all, and ``test_methods`` resumes every method."""
KILLS = 3
"""Kills of each of them: from outside and then in the resumed run, at the last file, anywhere; one of every other."""
ALL = [name if name in REPRESENTATIVES else pytest.param(name, marks=pytest.mark.slow) for name in METHODS.names()]
KILLED = [
    pytest.param(name, number, marks=() if name in REPRESENTATIVES else pytest.mark.slow)
    for name in METHODS.names()
    for number in range(KILLS if name in REPRESENTATIVES else 1)
]
TIMES = {"time", "seconds", "speed"}


class Driver:
    """A warm process that trains in forked children; see ``driver.py``."""

    def __init__(self, hash_seed: int) -> None:
        source = Path(__file__).parents[3] / "src"
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(source)}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("driver.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def ask(self, verb: str, method: str, data: Path, out: Path, fault: dict[str, Any] | None = None) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        request = {"verb": verb, "method": method, "data": str(data), "out": str(out), "fault": fault}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@dataclass
class Forge:
    """Two warm processes with different hash seeds: one starts the runs, the other resumes them."""

    starter: Driver
    resumer: Driver
    data: Path
    folder: Path

    def train(self, method: str, out: Path, fault: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.starter.ask("train", method, self.data, out, fault)

    def resume(self, method: str, out: Path, fault: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.resumer.ask("resume", method, self.data, out, fault)

    def finish(self, method: str, out: Path) -> None:
        """Resume a run that was stopped, or start it if it had not become a run yet."""
        answer = self.resume(method, out)
        if answer["error"] == "RunError" and re.search("holds no run|does not exist", answer["message"]):
            shutil.rmtree(out, ignore_errors=True)
            answer = self.train(method, out)
        assert answer["code"] == 0, answer["message"]


@dataclass
class Whole:
    """A run that nothing disturbed."""

    path: Path
    calls: int
    seconds: float


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    folder = tmp_path_factory.mktemp("forge")
    data = folder / "set.npz"
    numbers = np.random.default_rng(0)
    np.savez(data, images=numbers.integers(0, 256, (40, 28, 28, 3), dtype=np.uint8), labels=np.arange(40) % 4)
    made = Forge(Driver(1), Driver(2), data, folder)
    with ThreadPoolExecutor(2) as pool:  # both start Python at once
        for number, driver in enumerate((made.starter, made.resumer)):
            pool.submit(driver.ask, "warm", METHODS.names()[0], data, folder / f"warm-{number}")
    yield made
    made.starter.close()
    made.resumer.close()


@pytest.fixture(scope="module")
def whole(forge: Forge) -> Callable[[str], Whole]:
    """The undisturbed run of a method, made once."""
    made: dict[str, Whole] = {}

    def get(method: str) -> Whole:
        if method not in made:
            path = forge.folder / f"whole-{method}"
            answer = forge.train(method, path)
            assert answer["code"] == 0, answer["message"]
            made[method] = Whole(path, answer["calls"], answer["seconds"])
        return made[method]

    return get


def rows(path: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in json.loads(line).items() if key not in TIMES}
        for line in path.read_text().splitlines()
    ]


def assert_equal(run: Path, whole: Path) -> None:
    """Bit-equal weights, averages and optimisers; equal journal and metrics but for times; equal pictures."""
    names = [sorted(str(path.relative_to(one)) for path in one.rglob("*")) for one in (run, whole)]
    assert names[0] == names[1]
    for name in names[1]:
        if name.endswith(".png") or name.startswith(("weights/", "animation", "recipe", "data")):
            if (whole / name).is_file():
                assert (run / name).read_bytes() == (whole / name).read_bytes(), name
        elif name.endswith(".jsonl"):
            assert rows(run / name) == rows(whole / name), name
        elif name.endswith("state.safetensors"):
            mine, other = load_file(run / name), load_file(whole / name)
            assert mine.keys() == other.keys()
            assert all(torch.equal(mine[key], other[key]) for key in other), name
        elif name.endswith("state.json"):
            mine, other = json.loads((run / name).read_text()), json.loads((whole / name).read_text())
            assert {key: mine[key] for key in ("samples", "step", "position")} == {
                key: other[key] for key in ("samples", "step", "position")
            }


@pytest.mark.parametrize("method", ALL)
def test_the_undisturbed_run_has_what_is_compared(whole: Callable[[str], Whole], method: str) -> None:
    run = whole(method).path
    last = sorted((run / "checkpoints").iterdir())[-1]
    kinds = {name.partition("/")[0] for name in load_file(last / "state.safetensors")}
    averages = {"average"} if Run.open(run).method().averaged else set()
    assert {"method", "optimizer"} | averages <= kinds
    assert len(rows(run / "metrics.jsonl")) >= 6
    assert (run / "report.html").is_file()
    assert [row["event"] for row in rows(run / "journal.jsonl")] == ["start", "finish"]
    assert method != "gan" or len(list((run / "samples").glob("*.png"))) >= 3


@pytest.mark.parametrize(("method", "number"), KILLED)
def test_a_killed_run_ends_bit_equal(
    forge: Forge, whole: Callable[[str], Whole], method: str, number: int, tmp_path: Path
) -> None:
    """Killed from outside after a random time, or within a random write, fsync, rename or removal."""
    reference, choose = whole(method), random.Random(f"{method} {number}")
    run = tmp_path / "run"
    if number % 4 == 0:
        fault: dict[str, Any] = {"kind": "kill", "after": choose.uniform(0.02, 0.9) * reference.seconds}
    else:
        last = number == 1  # the last file of all, written after the run has finished
        fault = {"kind": "kill", "call": reference.calls - 1 if last else choose.randint(1, reference.calls)}
    answer = forge.train(method, run, fault)
    while "after" in fault and answer["signal"] != signal.SIGKILL:  # the run was faster than the one before
        fault["after"] /= 2
        shutil.rmtree(run)
        answer = forge.train(method, run, fault)
    assert answer["signal"] == signal.SIGKILL
    if number % 3 == 0 and (run / "recipe.json").exists():
        forge.resume(method, run, {"kind": "kill", "call": choose.randint(1, reference.calls // 2)})
    forge.finish(method, run)
    assert_equal(run, reference.path)


def test_resuming_a_finished_run_changes_nothing(forge: Forge, whole: Callable[[str], Whole], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole("gan").path, run)
    forge.finish("gan", run)
    assert_equal(run, whole("gan").path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_loses_nothing(
    forge: Forge, whole: Callable[[str], Whole], code: int, tmp_path: Path
) -> None:
    reference, run = whole("gan"), tmp_path / "run"
    answer = forge.train("gan", run, {"kind": "errno", "call": reference.calls * 2 // 3, "errno": code})
    assert (answer["error"], answer["code"]) == ("StorageError", 2), answer["message"]
    words = "disk full" if code == errno.ENOSPC else os.strerror(code).lower()
    assert words in answer["message"]
    assert "--out" in answer["message"] or "belamy resume" in answer["message"]
    kept = Run.open(run).load_checkpoint()
    assert kept is not None and kept.samples > 0
    forge.finish("gan", run)
    assert_equal(run, reference.path)


def test_a_checkpoint_that_does_not_fit_leaves_the_last_one(
    forge: Forge, whole: Callable[[str], Whole], tmp_path: Path
) -> None:
    """A real limit of the system instead of a faked one: no file may grow beyond 100 kB."""
    reference, run = whole("gan"), tmp_path / "run"
    assert forge.train("gan", run, {"kind": "interrupt", "call": reference.calls // 2})["code"] == 130
    before = Run.open(run).checkpoints()
    answer = forge.resume("gan", run, {"kind": "file size", "bytes": 100_000})
    assert answer["error"] == "StorageError", answer["message"]
    assert Run.open(run).checkpoints() == before
    forge.finish("gan", run)
    assert_equal(run, reference.path)


def test_a_folder_that_cannot_be_made_is_a_clear_error(forge: Forge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = forge.train("gan", tmp_path / "file" / "run")
    assert answer["error"] in ("StorageError", "RunError"), answer["message"]
    assert answer["code"] == 2
    assert "file" in answer["message"]


@pytest.mark.parametrize("method", REPRESENTATIVES)
def test_interrupting_saves_and_tells_how_to_go_on(
    forge: Forge, whole: Callable[[str], Whole], method: str, tmp_path: Path
) -> None:
    reference, run = whole(method), tmp_path / "run"
    answer = forge.train(method, run, {"kind": "interrupt", "call": reference.calls // 2})
    assert (answer["error"], answer["code"]) == ("Interrupted", 130), answer["message"]
    assert f"belamy resume {run}" in answer["message"]
    samples = Run.open(run).samples_seen
    assert f"{samples:,} samples" in answer["message"]
    forge.finish(method, run)
    assert_equal(run, reference.path)
