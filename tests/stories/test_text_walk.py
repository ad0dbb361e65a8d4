"""A text GAN from the command line: trained, sampled, walked through; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from PIL import Image

import belamy as library
from belamy.cli import main
from belamy.cli.parsing import parse
from belamy.cli.verbs.walk import Form, check_texts
from belamy.errors import UsageError
from belamy.methods import char_lm
from belamy.methods.base import BaseMethod
from belamy.modalities.text import ngram_bags, strings
from belamy.sampling.points import drawn
from belamy.sampling.walk import walk

Command = Callable[..., CompletedProcess[str]]
NARROW = ["--generator", "text-resnet:features=6", "--discriminator", "text-resnet:features=6", "--latent", "4"]


@pytest.fixture(scope="module")
def rhymes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has hardly learned 24 lines."""
    folder = tmp_path_factory.mktemp("rhymes")
    lines = [
        f"{a} {b}" for a in ("one", "two", "six", "ten") for b in ("cats", "dogs", "hens", "cows", "ducks", "eels")
    ]
    (folder / "lines.txt").write_text("\n".join(lines) + "\n")
    words = ["train", "text-gan", "--data", str(folder / "lines.txt"), *NARROW, "--critic-steps", "1", "--batch", "8"]
    words += ["--samples", "64", "--snapshots", "2", "--out", str(folder / "run"), "--no-progress", "--device", "cpu"]
    assert main(words) == 0
    return folder / "run"


@pytest.fixture
def method(rhymes: Path) -> BaseMethod:
    return library.open(rhymes).method()


def test_snapshots_and_samples_are_texts(belamy: Command, rhymes: Path) -> None:
    assert sorted((rhymes / "samples").glob("*.png"))
    assert belamy("sample", rhymes, "--count", "3", "--out", "some").returncode == 0
    assert belamy("sample", rhymes, "--count", "3", "--temperature", "1", "--out", "drawn").returncode == 0
    some, others = ([path.read_text() for path in sorted(Path(name).glob("*.txt"))] for name in ("some", "drawn"))
    assert len(some) == len(others) == 3 and some != others


def test_a_walk_tells_the_texts_between_two_latents(belamy: Command, rhymes: Path, method: BaseMethod) -> None:
    said = belamy("walk", rhymes, "--seeds", "0", "5", "--steps", "4", "--json", "facts.json")
    assert said.returncode == 0, said.stderr
    facts = json.loads(Path("facts.json").read_text())
    ends = [library.open(rhymes).sample(1, seed=seed) for seed in (0, 5)]
    wanted = [text for end in ends for text in strings(end, method.output)]
    assert [facts["texts"][0], facts["texts"][-1]] == wanted and len(facts["texts"]) == facts["frames"] == 5
    assert said.stdout.splitlines()[1:] == facts["texts"] and facts["features"] == "n-grams"
    with Image.open("walk.png") as page:
        assert page.width == 1000


def test_steps_are_distances_of_n_grams(method: BaseMethod) -> None:
    keys = torch.stack([drawn(method, seed) for seed in (0, 5)])
    made = walk(method, keys, steps=3)
    bags = torch.from_numpy(ngram_bags(made.texts)).double()
    torch.testing.assert_close(made.steps, (bags[1:] - bags[:-1]).norm(dim=1))
    assert len(walk(method, keys, path="even", steps=3).texts) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "walk.gif"], "is a film, but this run makes texts"),
        (["--labels", "a", "b"], "has seeds as keys"),
        (["--images", "a.png", "b.png"], "has seeds as keys"),
        (["--features", "dinov2"], "looks at images"),
    ],
)
def test_what_texts_have_not_is_refused(
    rhymes: Path, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["walk", str(rhymes), *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split()) and not list(tmp_path.iterdir())


def test_a_language_model_has_no_latents_to_walk_through(method: BaseMethod) -> None:
    model = char_lm.Method(char_lm.Recipe.tiny(), method.spec)
    with pytest.raises(UsageError, match="no way leads from one text to another"):
        check_texts(parse(Form, ["runs/char-lm-1"], "belamy walk"), model)
