"""A run that draws sample by sample: scored, sampled, and sounds that go on from their beginning; what is refused."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
import torch

import belamy as library
from belamy.cli import main
from stories.conftest import Command

WORDS = ["--data", "drums:count=60", "--length", "256", "--network", "wavenet:width=4,skip=6,layers=4,cycles=1"]


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    out = tmp_path_factory.mktemp("hits") / "run"
    words = ["train", "wavenet-small", *WORDS, "--train-samples", "64", "--snapshots", "1", "--out", str(out)]
    assert main([*words, "--no-progress", "--device", "cpu"]) == 0
    return out


def frames(path: Path | str) -> int:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        return file.getnframes()


def test_sounds_go_on(belamy: Command, hits: Path) -> None:
    said = belamy("continue", hits, "test:0..1", "--count", "2", "--keep", "0.25", "--json", "facts.json")
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == "continued-0.wav: 2 sound(s), 64 samples given, 192 made, 2 times each"
    facts = json.loads(Path("facts.json").read_text())
    assert facts["files"] == [f"continued-{number}.wav" for number in range(4)]
    assert [frames(file) for file in facts["files"]] == [256] * 4
    given = ("continued-0.wav", "--count", "1", "--keep", "1", "--length", "20", "--label", "snare")
    assert belamy("continue", hits, *given, "--out", "on.wav").returncode == 0
    assert frames("on.wav") == 276
    assert belamy("continue", hits, *given, "--out", "on.png").returncode == 0 and Path("on.png").stat().st_size
    scored = belamy("score", hits, "test")
    assert scored.returncode == 0 and "the likelihood itself, of sounds in 256 levels of the µ-law" in scored.stdout


def test_each_depends_on_the_seed_and_its_number(hits: Path) -> None:
    sounds = torch.sin(torch.arange(32.0) / 3).view(1, 1, 32)
    made = library.continue_sounds(hits, sounds, count=3, length=9)
    assert made.made.shape == (1, 3, 1, 25) and made.given == 16
    error = (made.made[..., :16].float() / 32768 - sounds[:, None, :, :16]).abs().max()
    assert float(error) < 0.022  # half a step of the µ-law
    again = library.continue_sounds(hits, sounds.expand(2, 1, 32), count=3, length=9)
    assert torch.equal(again.made[0], made.made[0]) and not torch.equal(made.made[0, 0], made.made[0, 1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no.wav"], "There is no file no.wav"),
        (["test:0..900"], "must lie in test:0.."),
        (["test:0", "--top-k", "3"], "are of texts, and this run makes sounds"),
        (["test:0", "--keep", "1"], "leaves none of 256 samples to make"),
        (["test:0", "--label", "gong"], "gong"),
        (["test:0", "--out", "on.csv"], "must end in .png or .wav"),
    ],
)
def test_refusals(belamy: Command, hits: Path, words: list[str], said: str) -> None:
    done = belamy("continue", hits, *words)
    assert done.returncode == 2 and said in done.stderr
