"""Runs whose networks see sounds as pictures: trained, opened, heard, walked through; and what is refused."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest
import torch

import belamy as library
from belamy import recipes
from belamy.data import open_data
from belamy.data.batch import Batch
from belamy.methods import gan
from belamy.methods.base import to_range
from belamy.runs.run import Run
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.watch.observe import Watch
from stories.conftest import Command

TINY = {"length": 1024, "batch": 4, "snapshots": 2, "progress": False, "device": "cpu", "data": "notes:count=48"}
NARROW = {"generator": "specgan:width=1", "discriminator": "specgan:width=1", "critic_steps": 1}
SMALL_SPECTRA = "log-magnitude:window=64,hop=32,iterations=4"
GROWING = {
    "representation": "instantaneous-frequency:window=64,hop=16", "latent": 4,
    "generator": "progan:base=16,widest=4", "discriminator": "progan:base=16,widest=4",
    "growth": "progressive:start=8,training=24,transition=24",
}  # fmt: skip


@pytest.fixture(scope="module")
def spectral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spectral") / "run"
    how = {**TINY, "batch": 32}
    library.train("specgan-small", out=path, samples=160, representation=SMALL_SPECTRA, **how, **NARROW)
    return path


@pytest.fixture(scope="module")
def singing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("singing") / "run"
    library.train("gansynth-small", out=path, samples=96, **{**TINY, "batch": 8}, **GROWING)
    return path


def test_samples_of_spectra_are_wav_files(belamy: Command, spectral: Path) -> None:
    done = belamy("sample", spectral, "--count", "3", "--out", "heard")
    assert done.returncode == 0, done.stderr
    files = sorted(Path("heard").glob("*.wav"))
    assert len(files) == 3
    with wave.open(str(files[0])) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (16000, 1024, 1)


def test_what_was_measured_is_kept_with_the_run(spectral: Path) -> None:
    method: Any = Run.open(spectral).method()
    data = open_data("notes:count=48", length=1024)
    fresh: Any = gan.Method(Run.open(spectral).recipe, data.spec)  # type: ignore[arg-type]
    assert float(fresh.representation.mean.abs().max()) == 0
    fresh.measure_data(data)
    assert torch.equal(method.representation.mean, fresh.representation.mean)
    assert torch.equal(method.representation.deviation, fresh.representation.deviation)


def test_players_see_pictures_and_samples_are_made_of_them(spectral: Path) -> None:
    method: Any = Run.open(spectral).method().double().eval()
    sounds = open_data("notes:count=48", length=1024).batch(torch.arange(4)).main.double()
    shown = method.real(Batch({"audio": sounds}, torch.arange(4)))
    assert shown.shape == (4, 1, 32, 32)
    torch.testing.assert_close(shown, to_range(method.representation(sounds), method.value_range))
    latents = method.latents(0, range(4)).double()
    generated = method.generator(latents)
    assert generated.shape == shown.shape and method.generate(latents).shape == sounds.shape
    torch.testing.assert_close(method.generate(latents), method.representation.inverse(generated))
    torch.testing.assert_close(method.shown_to_adversary(latents, None), generated)


def test_the_watch_asks_the_critic_about_what_it_is_shown(spectral: Path) -> None:
    run = Run.open(spectral)
    trainer = make_trainer(run.recipe, run.spec, open_data("notes:count=48", length=1024), Options(), World())
    row = Watch(trainer).look()
    assert row["modality"] == "audio" and 0 <= row["auc"] <= 1
    assert row["shown"]["fake"] and "certainty" not in row


def test_timbres_are_walked_through_as_spectrograms(belamy: Command, singing: Path) -> None:
    done = belamy("walk", singing, "--seeds", "0", "1", "--label", "A3", "--steps", "3", "--out", "timbres.png")
    assert done.returncode == 0, done.stderr
    assert Path("timbres.png").read_bytes().startswith(b"\x89PNG")
    refused = belamy("walk", singing, "--seeds", "0", "1", "--out", "timbres.gif")
    assert refused.returncode == 2 and "walk.png" in refused.stderr


def test_pitches_are_judged_by_name(belamy: Command, singing: Path) -> None:
    words = ["--metrics", "pitch-accuracy", "kad:subsets=0", "--count", "24", "--json", "facts.json", "--split", "all"]
    done = belamy("evaluate", singing, *words)
    assert done.returncode == 0, done.stderr
    measures = json.loads(Path("facts.json").read_text())["measures"]
    assert {"pitch-accuracy", "kernel"} <= measures.keys()
    assert 0 <= measures["pitch-accuracy"]["value"] < 0.7, "an untrained network sings no pitch"


def test_specgan_is_wavegan_on_pictures() -> None:
    spec, wave_gan = recipes.get("specgan"), recipes.get("wavegan")
    kept = {"representation", "generator", "discriminator"}
    assert {key for key, value in spec.model_dump().items() if wave_gan.model_dump()[key] != value} == kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train specgan-small --length 1000 --data notes:count=20", "--length 1024"),
        ("train specgan-small --data mnist", "mnist"),
        ("train specgan-small --generator wavegan --data notes:count=20", "name networks for pictures"),
        ("train specgan-small --discriminator wavegan --data notes:count=20", "'wavegan' is for sounds"),
        ("train specgan-small --representation none --data notes:count=20 --length 1024", "for pictures"),
        ("train gansynth-small --growth.start 2 --length 2048 --data notes:count=20", "Type --growth.start 4"),
        ("train specgan-small --data notes:count=20,low=70,high=60", "must not be above"),
        ("train specgan-small --data notes:low=5", "in 12..120"),
    ],
)
def test_wrong_uses_are_answered(belamy: Command, words: str, said: str) -> None:
    done = belamy(*words.split(), "--out", "nothing-here")
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not Path("nothing-here").exists()
