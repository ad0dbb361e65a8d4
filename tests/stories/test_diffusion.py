"""Life with a diffusion model: train, resume, sample in its ways, judge, report, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as library
from belamy.cli import main
from belamy.data import open_data
from belamy.errors import UsageError
from stories.conftest import Command

NETWORK = ["--network", "diffusion-u-net:width=8,multipliers=1,patch=4"]


@pytest.fixture(scope="session")
def denoiser(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A short run."""
    out = tmp_path_factory.mktemp("diffusion") / "run"
    words = ["train", "edm-mnist", "--data", str(photos), "--size", "8", *NETWORK, "--samples", "256", "--batch", "16"]
    words += ["--sampling-steps", "2", "--ema-half-life", "32", "--optimizer.lr", "0.01"]
    assert main([*words, "--snapshots", "2", "--out", str(out), "--no-progress", "--device", "cpu"]) == 0
    return out


def test_samples_come_by_the_way_that_is_asked_for(belamy: Command, denoiser: Path) -> None:
    words = ("sample", denoiser, "--count", "4", "--no-progress", "--seed", "3")
    said = belamy(
        *words, "--out", "heun.npz", "--sampler", "heun", "--guidance", "2", "--steps", "3", "--json", "a.json"
    )
    assert said.returncode == 0 and "4 images in heun.npz" in said.stdout
    facts = json.loads(Path("a.json").read_text())
    assert facts["sampler"] == "heun" and facts["guidance"] == 2.0
    how: dict[str, Any] = {"seed": 3, "steps": 3, "options": {"sampler": "heun", "guidance": 2.0}}
    run = library.open(denoiser)
    whole = run.sample(4, **how)
    assert torch.equal(whole[2:], run.sample(2, **{**how, "start": 2}))
    assert not torch.equal(whole, run.sample(4, seed=3))
    help_said = belamy("sample", denoiser, "--help")
    assert "{own,ddpm,ddim,heun,dpm-solver}" in "".join(help_said.stdout.split()) and "--guidance" in help_said.stdout


def test_the_run_knows_the_spread_of_its_data(denoiser: Path, photos: Path) -> None:
    data = open_data(str(photos), size=8)
    values = data.batch(data.indices("train")).main
    network: Any = library.open(denoiser).method().network
    assert float(network.sigma_data) == pytest.approx(float(values.std(correction=0)), rel=1e-5)
    assert float(network.centre) == pytest.approx(float(values.mean()), abs=1e-6)


def test_it_is_scored(belamy: Command, denoiser: Path) -> None:
    said = belamy("score", denoiser, "train", "--json", "facts.json", "--no-progress")
    assert said.returncode == 0 and "a bound of the likelihood, of pictures of 8 bits" in said.stdout
    facts = json.loads(Path("facts.json").read_text())
    assert facts["likelihood"] == "bound" and "the probability flow from σ = 0.002" in facts["of"]
    assert 5 < facts["bits_per_dimension"] < 12  # noise of 8 bits, hardly learned


def test_it_is_judged_as_it_is_asked_to_draw(belamy: Command, denoiser: Path, photos: Path) -> None:
    words = ("evaluate", denoiser, "--metrics", "saturation", "--extractor", "pixels", "--count", "8", "--split", "all")
    quick = (*words, "--no-real-baseline", "--no-progress", "--device", "cpu")
    plain = belamy(*quick, "--guidance", "1", "--json", "plain.json")
    strong = belamy(*quick, "--guidance", "90", "--json", "strong.json")
    assert plain.returncode == strong.returncode == 0, plain.stderr + strong.stderr
    assert "drawn with guidance 90" in strong.stdout and "drawn with" not in plain.stdout
    facts = json.loads(Path("strong.json").read_text())
    assert facts["command"].endswith("--guidance 90.0")
    usual = json.loads(Path("plain.json").read_text())["measures"]["saturation"]["value"]
    assert facts["measures"]["saturation"]["value"] > usual
    assert facts["measures"]["saturation"]["controls"] == {"by default": usual}
    refused = belamy("evaluate", photos, "--against", photos, "--guidance", "2")
    assert refused.returncode == 2 and "--guidance" in refused.stderr
    with pytest.raises(UsageError, match="is no run, so nothing is drawn with guidance"):
        library.evaluate(photos, photos, options={"guidance": 2.0})


def test_it_fills_holes_and_draws_pictures_anew(belamy: Command, denoiser: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 1), dtype=np.uint8).repeat(4, axis=2)
    pixels[..., 3] = np.where(np.arange(8) < 4, 255, 0)
    Image.fromarray(pixels).save("holed.png")
    words = ("translate", denoiser, "holed.png", "--steps", "2", "--rounds", "1", "--no-progress")
    said = belamy(*words, "--out", "filled.png")
    assert said.returncode == 0, said.stderr
    filled = np.asarray(Image.open("filled.png").convert("RGB"))
    assert np.array_equal(filled[:, :4], pixels[:, :4, :3]) and not np.array_equal(filled, pixels[..., :3])
    Image.fromarray(pixels[..., :3]).save("whole.png")
    said = belamy(*words[:2], "whole.png", *words[3:], "--strength", "0.4", "--out", "anew.png")
    assert said.returncode == 0 and not np.array_equal(np.asarray(Image.open("anew.png")), pixels[..., :3])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sample", "RUN", "--sampler", "euler"], "euler"),
        (["sample", "RUN", "--steps", "2000"], "takes 1 to 1,000"),
        (["sample", "RUN", "--guidance", "-1"], "guidance"),
        (["sample", "RUN", "--temperature", "1"], "temperature"),
        (["translate", "RUN", "PHOTOS", "--size", "16"], "Type --size 8"),
        (["translate", "RUN", "PHOTOS"], "has no hole"),
        (["translate", "RUN", "PHOTOS", "--strength", "0"], "strength"),
        (["evaluate", "RUN", "--measures", "labels"], "type: belamy translate"),
        (["train", "edm-mnist", "--parametrization", "eps"], "parametrization"),
        (["train", "edm-mnist", "--network", "unet"], "no denoiser 'unet'"),
        (["train", "edm-mnist", "--data", "PHOTOS", "--size", "9"], "multiples of 4"),
        (["train", "edm-mnist", "--sigma-data", "0"], "--sigma-data = 0.0 is not allowed"),
    ],
)
def test_wrong_uses(belamy: Command, denoiser: Path, photos: Path, words: list[str], says: str) -> None:
    given = {"RUN": str(denoiser), "PHOTOS": str(photos)}
    said = belamy(*(given.get(word, word) for word in words), "--no-progress")
    assert said.returncode == 2 and says in said.stderr
