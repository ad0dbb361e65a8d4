"""What the stories share: a folder of small pictures and a run trained on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from belamy.cli import main
from belamy.runs.run import Run
from belamy.survey.guard import Guard
from belamy.survey.server import listening, serving

SOURCE = Path(__file__).parents[2] / "src"
SMALL = ["--generator", "dense-fashion", "--discriminator", "dense-fashion", "--latent", "4", "--batch", "4"]
"""Networks that train in milliseconds on pictures of any size."""


def write_photos(folder: Path, count: int = 24, side: int = 8) -> Path:
    """Grey noise pictures in two classes, ``cats`` and ``dogs``."""
    numbers = np.random.default_rng(0)
    for index in range(count):
        path = folder / ("cats" if index % 2 else "dogs") / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.integers(0, 256, (side, side), dtype=np.uint8)).save(path)
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 pictures of 8x8 pixels in two classes."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A finished run; tests that change it copy it first."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    words = ["train", "dcgan-mnist", "--data", str(photos), "--size", "8", *SMALL, "--samples", "64"]
    assert main([*words, "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


@pytest.fixture(scope="session")
def enhancer_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a thin network that makes short sounds clean."""
    import belamy as library

    path = tmp_path_factory.mktemp("enhance") / "run"
    library.train(
        "enhancement", out=path, samples=16, batch=4, data="drums:count=40", length=1024, progress=False, device="cpu",
        generator="convolutional-recurrent:width=4,memory=4,layers=2,frame=64", spectral="compressed:frame=64",
    )  # fmt: skip
    return path


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def belamy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, called in this process and in an empty folder: starting PyTorch anew takes seconds."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        code = main([*map(str, words)])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, said.out, said.err)

    return call


def process(*words: str | Path, prelude: Sequence[str] = ("-m", "belamy")) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    line = [sys.executable, *prelude, *map(str, words)]
    return subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=120)


def environment() -> dict[str, str]:
    """The environment of a process that runs this source, on one thread."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "BELAMY_DEBUG": "0"}


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Called, it lets Ctrl-C come when the second file of a verb gets its name."""
    replace, done = os.replace, []

    def replacing(*given: Any) -> None:
        replace(*given)
        done.append(given)
        if len(done) == 2:
            raise KeyboardInterrupt

    return lambda: monkeypatch.setattr(os, "replace", replacing)


@pytest.fixture
def broken_off(belamy: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Called, it trains with some words until a step, at which the run breaks off, and lets it go on to its end."""
    from belamy.training.trainer import Trainer

    step: Callable[[Trainer], None] = Trainer.step

    def run(words: Sequence[str | Path], out: str, last: int) -> None:
        def killed(self: Trainer) -> None:
            if self.clock.step == last:
                raise KeyboardInterrupt
            step(self)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "step", killed)
            assert belamy(*words, "--out", out, "--checkpoint-seconds", 0).returncode != 0
        assert belamy("resume", out, "--no-progress", "--device", "cpu").returncode == 0

    return run


def state_of(run: Run) -> dict[str, Any]:
    """Everything that a run's newest checkpoint holds, and where it stands."""
    state = run.load_checkpoint()
    assert state is not None
    return {**state.tensors, "at": torch.tensor([state.samples, state.step, state.position])}


@contextmanager
def served(guarded: Guard, token: str) -> Iterator[httpx.Client]:
    """A client of a page of this machine, with its token; the server runs in a thread."""
    with listening(0) as door:
        door.listen(16)
        server = serving(guarded, "A page")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            address = f"http://127.0.0.1:{door.getsockname()[1]}"
            with httpx.Client(base_url=address, headers={"x-belamy-token": token}, timeout=30, verify=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, or any other that is found."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on the search path")
    words = [
        "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--no-sandbox")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=words)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose every complaint fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 760})
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    made.set_default_timeout(20_000)
    yield made
    context.close()
    # no server, a wrong link, no link, a link that is void
    expected = ("ERR_CONNECTION", "status of 401", "status of 403", "status of 410")
    assert not [each for each in complaints if not any(sign in each for sign in expected)], complaints
