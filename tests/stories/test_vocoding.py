"""A run that makes sounds of their spectrograms: trained, measured beside rivals, used on files of other lengths."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from belamy.cli import main
from belamy.modalities.waves import encode_wav
from stories.conftest import Command

SMALL = ["--data", "drums:count=40", "--length", "512", "--bands", "8", "--frame", "64", "--hop", "32"]
NARROW = [
    "--generator",
    "vocos:width=4,hidden=6,depth=1",
    "--discriminator",
    "multi-period:width=1,periods=2,windows=64",
]


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    out = tmp_path_factory.mktemp("voice") / "run"
    words = ["train", "vocoder-small", *SMALL, *NARROW, "--train-samples", "64", "--snapshots", "1", "--out", str(out)]
    assert main([*words, "--no-progress", "--device", "cpu"]) == 0
    return out


def test_recordings_are_made_again(belamy: Command, voice: Path) -> None:
    said = belamy("translate", voice, "test", "--out", "made")
    assert said.returncode == 0, said.stderr
    assert "griffin-lim" in said.stdout and len(list(Path("made").glob("*.wav")))
    Path("talk.wav").write_bytes(encode_wav((np.sin(np.arange(1500) / 5) * 9000).astype(np.int16)[None], 8000))
    done = belamy("enhance", voice, "talk.wav", "--out", "again.wav")
    assert done.returncode == 0, done.stderr
    with wave.open("again.wav") as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 1500)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hop", "24"], "Type --length 504"),
        (["--discriminator", "patch-gan"], "judges pictures. Type --discriminator multi-period"),
        (["--data", "mnist"], "mnist"),
        (["--generator", "vocos:depth=0"], "depth is 0"),
    ],
)
def test_refusals(belamy: Command, words: list[str], said: str) -> None:
    done = belamy("train", "vocoder-small", *SMALL, *words)
    assert done.returncode == 2 and said in done.stderr
