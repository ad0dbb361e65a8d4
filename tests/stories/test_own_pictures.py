"""A folder of pictures and a time: `belamy train --data FOLDER` plans, trains, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import belamy as library
from belamy.runs.run import Run
from stories.conftest import Command, write_photos


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that nothing was said of but the pictures and the time, and its folder."""
    home = tmp_path_factory.mktemp("own")
    write_photos(home / "photos", side=16)
    path = home / "run"
    library.train(data=str(home / "photos"), minutes=0.02, out=path, snapshots=2, device="cpu", progress=False)
    return path, str(home / "photos")


def test_it_is_finished_and_says_all_that_was_chosen(planned: tuple[Path, str]) -> None:
    run = Run.open(planned[0])
    assert run.finished and run.recipe_name == "pictures"
    assert run.recipe.generator.name == "pictures"
    assert 0 <= run.samples_seen - run.recipe.train_samples < run.recipe.batch  # of a whole last batch
    assert run.recipe.generator_condition.name == "unconditional"  # twelve pictures of a class are too few


def test_it_trains_again_the_same_without_a_plan(planned: tuple[Path, str], tmp_path: Path) -> None:
    again = library.train(like=planned[0], out=tmp_path / "again", snapshots=2, device="cpu", progress=False,
                          precision=Run.open(planned[0]).provenance.precision)  # fmt: skip
    assert again.recipe == Run.open(planned[0]).recipe
    first, second = (run.method().state_dict() for run in (Run.open(planned[0]), again))
    assert all(first[name].equal(second[name]) for name in first)


def test_the_plan_is_told_before_it_starts(belamy: Command, planned: tuple[Path, str]) -> None:
    done = belamy("train", "--data", planned[1], "--samples", "64", "--latent", "8", "--out", "told")
    assert done.returncode == 0, done.stderr
    for line in ("Plan: data: ", "Plan: size: 16x16; 64 samples", "Plan: networks: ", "Plan: labels: left alone"):
        assert line in done.stderr + done.stdout
    assert Run.open("told").recipe.latent == 8  # type: ignore[attr-defined]


def test_any_recipe_trains_for_a_time(belamy: Command, planned: tuple[Path, str]) -> None:
    words = ["train", "dense-fashion", "--data", planned[1], "--batch", "4", "--minutes", "0.005", "--out", "timed"]
    done = belamy(*words)
    assert done.returncode == 0, done.stderr
    run = Run.open("timed")
    assert run.finished and 4 <= run.recipe.train_samples < 1_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--minutes 0", "minutes is 0, but it must be a time above 0"),
        ("--minutes nan", "--minutes is nan, but it must be a finite number"),
        ("--minutes 5 --samples 100", "--minutes and --samples both say how long to train"),
        ("--minutes 5 --train-samples 100", "--minutes and --samples both say how long to train"),
        ("--minutes soon", "--minutes"),
    ],
)
def test_what_is_refused(belamy: Command, planned: tuple[Path, str], words: str, said: str) -> None:
    done = belamy("train", "--data", planned[1], *words.split(), "--out", "refused")
    assert done.returncode == 2 and said in done.stderr and not Path("refused").exists()


def test_going_on_counts_samples(belamy: Command, planned: tuple[Path, str]) -> None:
    done = belamy("train", "--resume-from", planned[0], "--minutes", "5", "--out", "refused")
    assert done.returncode == 2 and "say --samples instead of --minutes" in done.stderr


def test_other_data_are_sent_to_their_recipe(belamy: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "table.npy", np.random.default_rng(0).normal(size=(50, 3)))
    done = belamy("train", "--data", tmp_path / "table.npy", "--modality", "table", "--out", "refused")
    assert done.returncode == 2 and "belamy train dense-table --data" in done.stderr
    assert not Path("refused").exists()
