"""A GAN that learned with captions: several texts at a time, walks through texts, arithmetic with texts; refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import torch

import belamy as library
from belamy.cli import main
from belamy.editing.arithmetic import Setting
from belamy.editing.expressions import parse
from belamy.editing.text_arithmetic import text_arithmetic
from belamy.sampling.draw import symbols_of
from belamy.sampling.texts import TextLatents
from belamy.sampling.walk import walk

Command = Callable[..., CompletedProcess[str]]
NARROW = ["--generator", "gan-cls:width=4,told=8", "--discriminator", "gan-cls:width=4,told=8", "--latent", "6"]
DARK, FAIR = "a face with dark skin", "a face with fair skin and glasses"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly learned anything."""
    out = tmp_path_factory.mktemp("faces") / "run"
    words = ["train", "gan-cls-avatars", *NARROW, "--samples", "96", "--batch", "16", "--snapshots", "2"]
    assert main([*words, "--out", str(out), "--no-progress", "--no-watch", "--device", "cpu"]) == 0
    return out


@pytest.fixture(scope="module")
def method(faces: Path) -> Any:
    return library.open(faces).method().eval()


def test_several_texts_come_in_turn(belamy: Command, faces: Path) -> None:
    shared = ("sample", faces, "--no-progress", "--out")
    for name, count, texts in (("both", 5, (DARK, FAIR)), ("one", 5, (DARK,)), ("other", 5, (FAIR,))):
        said = belamy(*shared, f"{name}.npz", "--count", count, "--text", *texts, "--json", f"{name}.json")
        assert said.returncode == 0, said.stderr
    both, one, other = (np.load(f"{name}.npz")["images"] for name in ("both", "one", "other"))
    assert np.array_equal(both[::2], one[::2]) and np.array_equal(both[1::2], other[1::2])
    assert json.loads(Path("both.json").read_text())["text"] == [DARK, FAIR]
    later = belamy(*shared, "later.npz", "--count", "2", "--start", "1", "--text", DARK, FAIR)
    assert later.returncode == 0 and np.array_equal(np.load("later.npz")["images"], both[1:3])


def test_walks_through_texts_and_through_latents_of_one(belamy: Command, faces: Path, method: Any) -> None:
    said = belamy("walk", faces, "--texts", DARK, FAIR, "--steps", "2", "--seed", "3", "--json", "facts.json")
    assert said.returncode == 0, said.stderr
    assert json.loads(Path("facts.json").read_text())["keys"] == [DARK, FAIR]
    told: Any = TextLatents(method)
    z = told.latents(3, [0, 0])
    made = walk(told, told.told(z, [DARK, FAIR]), steps=2)
    first, last = method.text_vectors(symbols_of(method, [DARK, FAIR], 2))
    wanted = method.from_text(z[:1].expand(3, -1), torch.stack([first, (first + last) / 2, last]))
    torch.testing.assert_close(made.images.float(), (wanted.detach() + 1) * 127.5, rtol=0, atol=0.51)
    said = belamy("walk", faces, "--text", DARK, "--seeds", "1", "2", "--steps", "2", "--out", "held.png")
    assert said.returncode == 0 and "3 frames through seed 1, seed 2" in said.stdout


def test_texts_add_up_at_one_latent(belamy: Command, faces: Path, method: Any) -> None:
    expression = f"text('{DARK}') - 2 * text('{FAIR}')"
    said = belamy("arithmetic", faces, expression, "--json", "facts.json", "--seed", "4")
    assert said.returncode == 0, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    assert [each["operand"] for each in facts["operands"]] == [f'text("{DARK}")', f'text("{FAIR}")']
    result = text_arithmetic(method, parse(expression), Setting(noise=0.25, seed=4))
    first, last = method.text_vectors(symbols_of(method, [DARK, FAIR], 2))
    z = method.latents(4, [0])[0, :6]
    torch.testing.assert_close(result.latents[4], torch.cat([z, first - 2 * last]))
    torch.testing.assert_close(result.latents[:, 6:], (first - 2 * last).expand(9, -1))
    assert 0 < float((result.latents[:, :6] - z).abs().max()) <= 0.25
    torch.testing.assert_close(torch.tensor(facts["latent"]), result.latents[4])
    assert library.steer(faces).arithmetic(expression, seed=4).latents.equal(result.latents)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["walk", "--texts", DARK], "--texts names one thing alone, but a walk needs 2 or more. For one"),
        (["walk", "--texts", DARK, "a purple cat"], "No caption that this run learned from has 'purple', 'cat'"),
        (["walk", "--texts", DARK, FAIR, "--seeds", "1", "2"], "name keys of two kinds"),
        (["walk", "--texts", DARK, FAIR, "--text", DARK], "--text holds what is shown, and the keys are seeds"),
        (["walk", "--text", DARK, "--space", "w"], "Texts have no styles"),
        (["arithmetic", "text('a face') + seed(1)"], "Texts add up with texts alone"),
        (["arithmetic", "text(a face)"], "text( needs a text in quotes"),
        (["sample", "--text", DARK, "a purple cat"], "No caption that this run learned from has 'purple', 'cat'"),
    ],
)
def test_what_is_refused(belamy: Command, faces: Path, words: list[str], says: str) -> None:
    said = belamy(words[0], faces, *words[1:])
    assert said.returncode == 2 and says in said.stderr and not list(Path().glob("*.png"))


def test_a_run_without_vectors_of_texts_has_no_way_between(belamy: Command, trained: Path) -> None:
    said = belamy("walk", trained, "--texts", DARK, FAIR)
    assert said.returncode == 2 and "This run has no vectors of texts" in said.stderr
