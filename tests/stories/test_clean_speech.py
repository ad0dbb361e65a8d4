"""Clean speech as a user makes it: sounds and noises in folders, a run, held-out sounds beside classical rules."""

from __future__ import annotations

import re
import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from belamy.modalities.waves import encode_wav
from stories.conftest import Command

SMALL = [
    "--rate", "16000", "--length", "1024", "--batch", "4", "--samples", "40", "--no-progress", "--generator",
    "convolutional-recurrent:width=4,memory=4,layers=2,frame=64", "--spectral", "compressed:frame=64",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty tones and ten noises, of a length of their own."""
    home, numbers = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for name, count in (("speech", 20), ("noises", 10)):
        (home / name).mkdir()
        for number in range(count):
            tone = np.sin(np.arange(1024) * (0.05 + 0.01 * number))
            values = tone if name == "speech" else numbers.standard_normal(1024) / 4
            (home / name / f"{number}.wav").write_bytes(encode_wav((8000 * values).astype(np.int16)[None], 16000))
    return home


def test_held_out_sounds_beside_classical_rules(belamy: Command, folders: Path) -> None:
    trained = belamy(
        "train", "enhancement", "--data", folders / "speech", "--other", folders / "noises", "--out", "run", *SMALL
    )
    assert trained.returncode == 0, trained.stderr
    done = belamy("translate", "run", "test", "--out", "clean")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    inputs = re.search(r" snr at 16,000 Hz: .*?the inputs as they are: (-?[\d.]+)", told)
    assert inputs and -6 < float(inputs[1]) < 16  # noise was mixed in, at the ratios of the recipe
    assert all(f"{rule}:" in told for rule in ("wiener", "log-mmse", "mmse-stsa", "subspace", "spectral-subtraction"))
    for name in ("snr", "si-sdr", "segmental-snr", "lsd"):
        assert re.search(rf" {name} at 16,000 Hz: -?[\d.]+ .*?the inputs as they are: .*?; log-mmse: ", told)
    why = "no pair holds enough sound for it" if find_spec("pesq") else "its package is not installed"
    assert f"note: pesq is left out: {why}" in told  # clips of 64 ms
    with wave.open(str(next(Path("clean").glob("*.wav")))) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 1024)
    assert belamy("inspect", "run").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--snr-low", "9", "--snr-high", "1"], "--snr-low is 9"),
        (["--degradations", "clipping:low=2"], "clipping has low=2"),
        (["--generator", "segan", "--length", "1000"], "--length 1024"),
        (["--degradations", "hiss"], "There is no degradation of sound 'hiss'"),
        (["--rules", "a-spade"], "Type --generator restorer"),
        (["--generator", "restorer"], "Type --degradations gaps --rules autoregressive-interpolation"),
        (
            ["--generator", "restorer", "--rules", "a-spade"],
            "a-spade is against clipping, but the sounds are spoilt by noise. Type --rules log-mmse",
        ),
        (["--generator=restorer", "--rules=a-spade", "--degradations=clipping"], "Type --length 2048 or more"),
        (
            [
                *("--generator=restorer", "--rules=a-spade", "--degradations=clipping"),
                *("--pre-emphasis=0.9", "--length=2048"),
            ],
            "Leave --pre-emphasis out",
        ),
    ],
)
def test_what_cannot_be_is_one_message(belamy: Command, words: list[str], message: str) -> None:
    done = belamy("train", "enhancement", "--data", "drums:count=40", *SMALL[2:], *words, "--out", "none")
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not Path("none").exists()
