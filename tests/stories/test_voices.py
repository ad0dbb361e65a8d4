"""A run that speaks in the voice of a recording, as a user asks for it."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from belamy.cli import main
from belamy.modalities.waves import encode_wav
from stories.conftest import Command

WORDS = ["--data", "drums:count=40", "--length", "256", "--network", "wavenet:width=4,skip=6,layers=2,cycles=1"]
TRAIN = ["train", "wavenet-small", *WORDS, "--train-samples", "16", "--batch", "8", "--snapshots", "1"]


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run that was told voices."""
    out = tmp_path_factory.mktemp("speaking") / "run"
    words = [*TRAIN, "--no-conditional", "--voice", "--out", str(out), "--no-progress", "--device", "cpu"]
    assert main(words) == 0
    return out


def test_whose_voice(belamy: Command, speaking: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(2, 9000)) * 5000
    Path("me.wav").write_bytes(encode_wav(noise.astype(np.int16), 22050))
    done = belamy("sample", speaking, "--voice", "me.wav", "--count", "2", "--out", "heard", "--json", "facts.json")
    assert done.returncode == 0, done.stderr
    with wave.open("heard/000000.wav") as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 256)
    assert json.loads(Path("facts.json").read_text())["voice"] == "me.wav"
    packed = belamy("sample", speaking, "--voice", "me.wav", "--count", "2", "--out", "all.npz")
    assert packed.returncode == 0 and set(np.load("all.npz")) == {"samples"}


def test_wrong_uses(belamy: Command, speaking: Path) -> None:
    Path("silent.wav").write_bytes(encode_wav(np.zeros((1, 900), np.int16), 16000))
    Path("text.wav").write_text("no sound")
    for words, said in (
        (["--voice", "none.wav"], "There is no file none.wav for the voice"),
        (["--voice", "silent.wav"], "silent.wav is silent"),
        (["--voice", "text.wav"], "text.wav cannot be the voice"),
        (["--voice", "silent.wav", "--label", "kick"], "--label has no meaning"),
        (["--voice", "silent.wav", "--check"], "--check has no meaning"),
    ):
        done = belamy("sample", speaking, *words, "--out", "heard")
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert not Path("heard").exists()


def test_a_run_without_voices_and_data_without_speakers(belamy: Command) -> None:
    assert belamy(*TRAIN, "--no-conditional", "--out", "plain").returncode == 0
    done = belamy("sample", "plain", "--voice", "any.wav")
    assert done.returncode == 2 and "learned without voices" in done.stderr and "--no-conditional" in done.stderr
    both = belamy(*TRAIN, "--voice")
    assert both.returncode == 2 and "Type --no-conditional" in both.stderr
