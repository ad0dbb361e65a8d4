"""A run from its start to its report, as a user lives it, with Ctrl-C and a full disk on the way."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from belamy.cli import main
from belamy.runs import files
from stories.conftest import SMALL, Command, environment, process

LENGTH = 1200
"""Training samples: long enough for an interruption to find the run at work."""


def training(photos: Path, out: Path) -> list[str]:
    words = ["train", "dcgan-mnist", "--data", str(photos), "--size", "8", *SMALL, "--samples", str(LENGTH)]
    return [*words, "--average", "32", "--snapshots", "4", "--checkpoint-seconds", "0.1", "--out", str(out)]


def interrupted(photos: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Start to train, press Ctrl-C when the first checkpoint is there."""
    words = [sys.executable, "-m", "belamy", *training(photos, out), "--device", "cpu"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not list(out.glob("checkpoints/[0-9]*/state.json")):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        said, complaint = run.communicate(timeout=120)
    return subprocess.CompletedProcess(words, run.returncode, said, complaint)


Stopped = tuple[Path, subprocess.CompletedProcess[str]]
"""A run's directory and what the command said."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Stopped:
    """A run that was interrupted; tests that go on with it copy it first."""
    out = tmp_path_factory.mktemp("stopped") / "first run"
    return out, interrupted(photos, out)


@pytest.fixture(scope="module")
def lived(stopped: Stopped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it, resumed to its end by another process than began it."""
    out = Path(shutil.copytree(stopped[0], tmp_path_factory.mktemp("lived") / "moved"))
    assert main(["resume", str(out), "--device", "cpu"]) == 0
    return out


def test_ctrl_c_saves_and_says_how_to_go_on(stopped: Stopped) -> None:
    out, done = stopped
    assert done.returncode == 130
    assert f"belamy resume {out}" in done.stderr and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "samples/s" in done.stdout and "of memory" in done.stdout, "time and memory are estimated before the start"


def test_a_resumed_run_ends_as_an_uninterrupted_one(lived: Path, photos: Path, tmp_path: Path, belamy: Command) -> None:
    out = lived
    assert (out / "report.html").is_file() and (out / "animation.gif").is_file()
    straight = belamy(*training(photos, tmp_path / "straight"), "--device", "cpu", "--no-progress")
    assert straight.returncode == 0, straight.stderr
    weights = "weights/generator.safetensors"
    assert (out / weights).read_bytes() == (tmp_path / "straight" / weights).read_bytes()
    events = [json.loads(line)["event"] for line in (out / "journal.jsonl").read_text().splitlines()]
    assert events[0] == "start" and events[-1] == "finish"
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    seen = [row["samples"] for row in rows if "losses" in row]
    assert seen == sorted(set(seen)) and seen[-1] == LENGTH


def contents(run: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a run, with the moment when it was written."""
    found = {path: path for path in run.rglob("*") if path.is_file()}
    return {str(path.relative_to(run)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_a_finished_run_says_so_and_stays_as_it_is(lived: Path, tmp_path: Path, belamy: Command) -> None:
    out = Path(shutil.copytree(lived, tmp_path / "run"))
    (out / "report.html").touch()
    before = contents(out)
    done = belamy("resume", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert f"{out} is finished: {LENGTH:,} of {LENGTH:,} samples were seen" in done.stdout
    assert f"--resume-from {out} --samples {2 * LENGTH}" in done.stdout
    assert contents(out) == before, "nothing is trained, published or noted"


def test_what_a_kill_kept_from_a_finished_run_is_made_up_for(lived: Path, tmp_path: Path, belamy: Command) -> None:
    """Killed before its report, before the end of its journal, or with damaged weights: that alone is written."""
    out = Path(shutil.copytree(lived, tmp_path / "run"))
    weights = (out / "weights" / "generator.safetensors").read_bytes()
    (out / "report.html").unlink()
    before = contents(out)
    done = belamy("resume", out, "--device", "cpu")
    assert done.returncode == 0 and "before its report was written" in done.stdout, done.stderr
    changed = {name for name, state in contents(out).items() if before.get(name) != state}
    assert changed <= {"report.html", "animation.gif", "animation.mp4", "animation.webp", "lock"}
    journal = (out / "journal.jsonl").read_text().splitlines(keepends=True)
    (out / "journal.jsonl").write_text("".join(journal[:-1]))
    (out / "weights" / "generator.safetensors").write_bytes(weights[:100])
    assert belamy("resume", out, "--device", "cpu", "--no-progress").returncode == 0
    assert (out / "weights" / "generator.safetensors").read_bytes() == weights
    assert json.loads((out / "journal.jsonl").read_text().splitlines()[-1])["event"] == "finish"


def test_samples_as_files_as_a_sheet_and_as_an_array(lived: Path, tmp_path: Path, belamy: Command) -> None:
    run = lived
    done = belamy("sample", run, "--count", "5", "--seed", "3", "--out", "drawn", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == [*(f"{index:06d}.png" for index in range(5)), "sheet.png"]
    assert len(json.loads((tmp_path / "facts.json").read_text())["files"]) == 6
    again = belamy("sample", run, "--count", "3", "--start", "2", "--seed", "3", "--batch", "1", "--out", "some.npz")
    assert again.returncode == 0, again.stderr
    with np.load(tmp_path / "some.npz") as arrays:
        assert arrays["images"].shape == (3, 8, 8, 1) and arrays["images"].dtype == np.uint8
        for index, image in enumerate(arrays["images"], start=2):
            drawn = np.asarray(Image.open(tmp_path / "drawn" / f"{index:06d}.png")).astype(int)
            assert np.abs(drawn - image[..., 0]).max() <= 1, "sample i does not depend on how it is drawn"
    sheet = belamy("sample", run, "--out", "sheet.png", "--count", "9")
    assert sheet.returncode == 0, sheet.stderr
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.mode == "RGB" and min(picture.size) >= 3 * 56


def test_report_and_inspect_of_a_run(lived: Path, belamy: Command) -> None:
    run = lived
    (run / "report.html").unlink()
    done = belamy("report", run)
    assert done.stdout.strip() == str(run / "report.html") and (run / "report.html").is_file()
    assert 'alt="Real images of ' in (run / "report.html").read_text(), (
        "what was learned from stands beside the samples"
    )
    facts = json.loads(belamy("report", run, "--json", "-").stdout)
    assert facts["samples"] == LENGTH and facts["recipe"] == "dcgan-mnist" and facts["latest"]["losses"]
    counts = json.loads(belamy("inspect", run, "--json", "-").stdout)
    dense = 4 * 100 + 100 + 100 * 150 + 150 + 150 * 64 + 64
    assert counts["networks"]["generator"] == {"total": dense, "trainable": dense}
    assert set(counts) == {"networks"} and set(counts["networks"]) == {"generator", "discriminator"}


def test_inspect_shows_the_published_counts_without_data(belamy: Command) -> None:
    done = belamy("inspect", "dcgan-cifar", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "networks": {
            "generator": {"total": 4_516_739, "trainable": 4_514_819},
            "discriminator": {"total": 4_312_193, "trainable": 4_310_401},
        }
    }
    tables = belamy("inspect", "dcgan-mnist", "--discriminator", "dcgan-geron")
    assert "2,330,944" in tables.stdout and "discriminator: " in tables.stdout


def test_data_are_examined_and_shown(photos: Path, tmp_path: Path, belamy: Command) -> None:
    (photos.parent / "flawed").mkdir()
    for path in photos.rglob("*.png"):
        (photos.parent / "flawed" / path.name).write_bytes(path.read_bytes())
    (photos.parent / "flawed" / "torn [1].png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    done = belamy("data", photos.parent / "flawed", "--sheet", "sheet.png", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["images"] == 24 and [name for name, _ in facts["skipped"]] == ["torn [1].png"]
    assert "torn [1].png" in done.stdout and "8x8" in done.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] > 80
    labelled = belamy("data", photos)
    assert "cats" in labelled.stdout and "█" in labelled.stdout


def test_a_full_disk_keeps_the_last_checkpoint_and_the_run_goes_on_later(
    stopped: Stopped, tmp_path: Path, belamy: Command
) -> None:
    out = Path(shutil.copytree(stopped[0], tmp_path / "run"))
    newest = max(out.glob("checkpoints/[0-9]*"))
    kept = {path: path.read_bytes() for path in newest.iterdir()}
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, unlimited[1]))
    try:
        done = belamy("resume", out, "--no-progress", "--device", "cpu", "--checkpoint-seconds", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("belamy: disk full") and done.stderr.count("\n") == 1
    assert f"is kept: then type `belamy resume {out}`" in done.stderr
    assert {path: path.read_bytes() for path in newest.iterdir()} == kept
    assert belamy("resume", out, "--no-progress", "--device", "cpu").returncode == 0
    assert (out / "report.html").is_file()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="terminals of POSIX")
def test_a_closed_terminal_saves_as_ctrl_c_does(photos: Path, tmp_path: Path) -> None:
    """Output to a terminal that is gone fails: it must not come between the signal and the checkpoint."""
    import pty

    out = tmp_path / "run"
    words = [sys.executable, "-m", "belamy", *training(photos, out), "--device", "cpu", "--checkpoint-seconds", "1000"]
    terminal, end = pty.openpty()
    with subprocess.Popen(words, env=environment(), stdin=end, stdout=end, stderr=end, start_new_session=True) as run:
        os.close(end)
        while run.poll() is None and not (out / "metrics.jsonl").is_file():
            time.sleep(0.02)
        run.send_signal(signal.SIGHUP)  # the kernel sends it as it closes the terminal; never after
        os.close(terminal)
        assert run.wait(timeout=120) == 130
    assert len(list(out.glob("checkpoints/[0-9]*/state.json"))) == 1


def interrupt_at(number: int) -> Callable[..., None]:
    """What writes files until Ctrl-C is pressed at the one of this number."""
    saved, save = [], files.write_bytes

    def saving(*given: Any) -> None:
        saved.append(save(*given))
        if len(saved) == number:
            raise KeyboardInterrupt

    return saving


def test_a_sample_that_is_killed_leaves_its_folder_as_it_was(
    lived: Path, tmp_path: Path, belamy: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = (
        "import os, signal, sys\n"
        "from belamy.runs import files\n"
        "made, save = [], files.write_bytes\n"
        "def dying(*given):\n"
        "    made.append(save(*given))\n"
        "    if len(made) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_bytes = dying\n"
        "from belamy.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    out = tmp_path / "drawn"
    assert process("sample", lived, "--count", "5", "--out", out, prelude=("-c", killed)).returncode < 0
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1
    assert belamy("sample", lived, "--count", "5", "--out", out).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"], "what was left is cleared away"
    (out / "mine.txt").write_text("kept")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    words = ("sample", lived, "--count", "5", "--seed", "1", "--overwrite", "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr("belamy.runs.files.write_bytes", interrupt_at(3))
        assert belamy(*words).returncode == 130
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert belamy(*words).returncode == 0
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert (
        after.keys() == before.keys() and after["mine.txt"] == b"kept" and after["000000.png"] != before["000000.png"]
    )
