"""A method, or a kind of data, of another package is one file: it trains, is broken off, resumes, samples, reports and
is judged and compared as what is in the house."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from belamy.cli import main
from belamy.modalities import MODALITIES
from belamy.runs.run import Run
from outside import install
from stories.conftest import state_of

FILES = {
    "colouring": ["belamy.methods"],
    "humming": ["belamy.methods"],
    "flow_matching": ["belamy.methods"],
    "points": ["belamy.modalities", "belamy.data.formats"],
}
RATE, LENGTH = 8000, 512
QUIET = ["--no-progress", "--device", "cpu"]
SHORT = ["--train-samples", "160", "--batch", "8", "--snapshots", "3"]
KINDS = {
    "pairs": ["colouring", "--data", "outlines:count=40", "--size", "16", "--width", "2"],
    "points": ["flow-matching", "--data", "circles.npy", "--modality", "points", "--width", "8"],
    **({"sound": ["humming", "--data", "hums", "--rate", f"{RATE}", "--length", f"{LENGTH}"]}
       if "audio" in MODALITIES.names() else {}),
}  # fmt: skip
SUFFIX = {"points": ".npy", "sound": ".wav"}


def write_data(folder: Path) -> None:
    """Point sets on circles, and sounds of one tone each."""
    numbers = np.random.default_rng(0)
    angles, centres = numbers.uniform(0, 2 * np.pi, (60, 12)), numbers.uniform(-0.4, 0.4, (60, 1, 2))
    circles = np.stack([np.cos(angles), np.sin(angles)], -1) * 0.5 + centres
    np.save(folder / "circles.npy", circles.astype(np.float32))
    (folder / "hums").mkdir()
    for number in range(40):
        tone = np.sin(np.arange(LENGTH) * numbers.uniform(0.05, 1.0)) * numbers.uniform(0.1, 0.9)
        with wave.open(str(folder / "hums" / f"{number:02d}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((tone * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the package is installed and the data lie."""
    made = tmp_path_factory.mktemp("outside")
    install(made, FILES)
    write_data(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made))
        patch.chdir(made)
        yield made


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Path]:
    """The kind, and a finished run of 20 steps."""
    kind: str = request.param
    out = folder / kind
    assert main(["train", *KINDS[kind], *SHORT, "--out", str(out), *QUIET]) == 0
    return kind, out


def test_it_is_broken_off_and_goes_on_bit_for_bit(
    trained: tuple[str, Path], folder: Path, broken_off: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, whole = trained
    out = folder / f"{kind}-broken"
    monkeypatch.chdir(folder)
    broken_off(["train", *KINDS[kind], *SHORT, *QUIET], out, 9)
    first, second = state_of(Run.open(whole)), state_of(Run.open(out))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_it_reports_and_is_in_good_health(trained: tuple[str, Path], folder: Path) -> None:
    kind, out = trained
    page = (out / "report.html").read_text()
    assert "data:image/" in page and "Traceback" not in page
    assert ("<audio" in page) == (kind == "sound")
    assert main(["report", str(out)]) == 0
    assert not [found for found in Run.open(out).diagnosis() if found["severity"] == "severe"]


def test_it_samples_or_translates(trained: tuple[str, Path], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, out = trained
    if kind == "pairs":
        assert main(["sample", str(out)]) == 2
        assert "draws no samples" in capsys.readouterr().err
        return
    assert main(["sample", str(out), "--count", "3", "--out", str(folder / f"{kind}-samples"), "--no-progress"]) == 0
    names = sorted(path.name for path in (folder / f"{kind}-samples").iterdir())
    assert names == [*(f"{number:06d}{SUFFIX[kind]}" for number in range(3)), "sheet.png"]
    run = Run.open(out)
    drawn = run.sample(3)
    assert drawn.shape == (3, *run.spec.shape) and torch.equal(drawn[1:], run.sample(2, start=1))
    assert "data:image/" in drawn._repr_html_() and ("<audio" in drawn._repr_html_()) == (kind == "sound")


def test_steps_of_sampling_are_an_option(
    trained: tuple[str, Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, out = trained
    words = ["sample", str(out), "--count", "2", "--steps", "2", "--out", str(folder / f"{kind}-steps.png")]
    assert main([*words, "--no-progress"]) == (0 if kind == "sound" else 2)
    assert kind == "sound" or capsys.readouterr().err.count("\n") == 1


def test_it_is_evaluated(trained: tuple[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    kind, out = trained
    capsys.readouterr()
    assert main(["evaluate", str(out), "--count", "20", "--no-real-baseline", "--json", "-", "--no-progress"]) == 0
    facts = json.loads(capsys.readouterr().out)
    wanted = {"pairs": "translation-psnr", "points": "nearest-samples", "sound": "loss"}[kind]
    assert {"frechet", "recall", wanted} <= facts["measures"].keys()
    assert "sharpness" not in facts["measures"] or kind == "pairs"
    assert facts["measures"]["recall"]["value"] <= 1.0


def test_it_is_compared(trained: tuple[str, Path], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, _ = trained
    name, *rest = KINDS[kind]
    option = {"pairs": "width", "points": "width", "sound": "tones"}[kind]
    data = [word for number, word in enumerate(rest) if rest[number - number % 2] != "--width"]
    words = ["compare", f"{name}:{option}=2,batch=8", f"{name}:{option}=3,batch=8", *data, "--samples", "64"]
    out = folder / f"{kind}-compared"
    assert main([*words, "--seeds", "1", "--judged", "20", "--out", str(out), *QUIET]) == 0
    facts = json.loads((out / "comparison.json").read_text())
    assert facts["merit"] == ("l1" if kind == "pairs" else "frechet") and facts["failed"] == 0
    assert all(facts["merit"] in trial["values"] for trial in facts["trials"])


def test_it_is_listed_and_inspected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in listed for name in ("colouring", "humming", "flow-matching"))
    assert main(["inspect", str(folder / "points")]) == 0
