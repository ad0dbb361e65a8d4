"""Pictures that are asked for in words: train, kill nothing, sample by a text, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import belamy as library
from belamy.cli import main
from stories.conftest import Command

SMALL = [
    *(
        "--network",
        "diffusion-u-net:width=8,multipliers=1,patch=2",
        "--width",
        "8",
        "--downsampling",
        "2",
        "--size",
        "8",
    ),
    *("--text-encoder", "text-transformer:width=8,depth=1,heads=2", "--perceptual-weight", "0"),
    *("--adversarial-weight", "0", "--samples", "128", "--batch", "16", "--sampling-steps", "2", "--snapshots", "2"),
]


@pytest.fixture(scope="session")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with captions."""
    out = tmp_path_factory.mktemp("text") / "run"
    words = ["train", "text-avatars", *SMALL, "--optimizer.lr", "0.01", "--out", str(out)]
    assert main([*words, "--no-progress", "--no-watch", "--device", "cpu"]) == 0
    return out


def test_what_a_text_says_is_drawn(belamy: Command, heard: Path) -> None:
    words = ("sample", heard, "--count", "3", "--no-progress", "--seed", "2", "--guidance", "3")
    texts = ("a face with long red hair", "a person with a beard")
    for number, text in enumerate(texts):
        said = belamy(*words, "--text", text, "--out", f"{number}.npz", "--json", "facts.json")
        assert said.returncode == 0 and json.loads(Path("facts.json").read_text())["text"] == text
    one, other = (np.load(f"{number}.npz")["images"] for number in (0, 1))
    assert one.shape == (3, 8, 8, 3) and not np.array_equal(one, other)
    run = library.open(heard)
    again = run.sample(3, seed=2, text=texts[0], options={"guidance": 3.0})
    assert torch.equal(again.permute(0, 2, 3, 1), torch.from_numpy(one))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--text", "a purple cat"], "No caption that this run learned from has 'purple', 'cat'. Its words are:"),
        (["--text", " "], "The text is empty. Say what is to be drawn, or leave --text out."),
        (["--text", "a " * 40], "The text has 40 words, but those of captions that this run learned from are at most"),
        (["--text", "a beard", "--label", "yes"], "This run's networks do not use labels"),
    ],
)
def test_what_is_refused(belamy: Command, heard: Path, words: list[str], says: str) -> None:
    said = belamy("sample", heard, "--no-progress", *words)
    assert said.returncode == 2 and says in said.stderr and not Path("samples").exists()


def test_a_run_without_captions_is_told_nothing(belamy: Command, trained: Path) -> None:
    said = belamy("sample", trained, "--no-progress", "--text", "a cat")
    assert said.returncode == 2 and "This run learned without captions" in said.stderr
