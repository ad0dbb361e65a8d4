"""Small pictures become large ones: train in two stages, kill, resume, enlarge files, turn the knob."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import belamy as package
from belamy.cli import main
from belamy.runs.run import Run
from stories.conftest import Command

NETWORKS = ["--generator", "srresnet:width=2,blocks=1,base=bicubic", "--discriminator", "esrgan-u-net:width=2"]
TRAIN = ["train", "super-resolution", "--data", "dead-leaves:count=40", "--size", "16x24", "--scale", "2", *NETWORKS]
TRAIN += ["--batch", "4", "--first-stage", "0.5", "--no-progress", "--device", "cpu"]


def picture(width: int, height: int, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that doubles pictures of 8x12 pixels in colour."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main([*TRAIN, "--samples", "48", "--out", str(out)]) == 0
    return out


def test_a_picture_of_any_size_becomes_twice_as_large(run: Path, belamy: Command, tmp_path: Path) -> None:
    picture(9, 5).save(tmp_path / "small.png")
    assert belamy("translate", run, "small.png", "--out", "large.png").returncode == 0
    with Image.open(tmp_path / "large.png") as image:
        assert (image.size, image.mode) == ((18, 10), "RGB")


def test_opacity_is_kept(run: Path, belamy: Command, tmp_path: Path) -> None:
    small = picture(12, 8)
    small.putalpha(Image.linear_gradient("L").resize((12, 8)))
    small.save(tmp_path / "small.png")
    assert belamy("translate", run, "small.png", "--out", "large.png").returncode == 0
    with Image.open(tmp_path / "large.png") as image, Image.open(tmp_path / "small.png") as small:
        assert (image.size, image.mode) == ((24, 16), "RGBA")
        wanted = np.asarray(small.getchannel("A").resize((24, 16), Image.Resampling.BICUBIC), int)
        assert np.abs(np.asarray(image.getchannel("A"), int) - wanted).max() <= 1


def test_the_knob_leads_from_one_network_to_the_other(run: Path, belamy: Command, tmp_path: Path) -> None:
    picture(12, 8).save(tmp_path / "small.png")
    made = []
    for blend in (0, 0.5, 1):
        out = tmp_path / f"{blend}.png"
        assert belamy("translate", run, "small.png", "--out", out, "--blend", blend).returncode == 0
        made.append(np.asarray(Image.open(out), float))
    belamy("translate", run, "small.png", "--out", "plain.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "plain.png"), float), made[2])
    assert np.abs(made[0] - made[2]).max() > 0
    assert np.abs(made[1] - (made[0] + made[2]) / 2).max() <= 3
    assert "blend" in belamy("translate", run, "--help").stdout


def test_held_out_pictures_are_measured_beside_bicubic_enlargement(run: Path, belamy: Command, tmp_path: Path) -> None:
    done = belamy("translate", run, "test", "--out", "made", "--json", "facts.json")
    assert done.returncode == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    usual = {"l1", "psnr", "ssim", "perceptual"}
    assert facts["measures"].keys() == usual and facts["rivals"]["bicubic"].keys() == usual
    assert facts["rivals"]["bicubic"]["psnr"][0] > facts["measures"]["psnr"]["untouched"][0]
    assert "; bicubic: " in done.stdout and facts["blend"] == 1.0
    assert "bicubic" in (tmp_path / "made/translations.html").read_text()


def test_true_large_pictures_may_be_given(run: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    for number in range(2):
        large = picture(24 + number, 16)
        large.save(tmp_path / f"large/{number}.png")
        large.resize((12, 8), Image.Resampling.BICUBIC).save(tmp_path / f"small/{number}.png")
    made = package.translate(run, tmp_path / "small", targets=tmp_path / "large", options={"blend": 0.0})
    assert len(made.measures["psnr"]) == 1 and len(made.rivals["bicubic"]["psnr"]) == 1
    assert made.skipped == [("1.png", "its target is 25x16, but 24x16 was made, so it is not measured")]
    sized = package.translate(run, tmp_path / "small", targets=tmp_path / "large", size="12x8")
    assert len(sized.measures["psnr"]) == 2


def test_a_run_that_was_killed_in_either_stage_goes_on_as_if_nothing_had_been(
    belamy: Command, tmp_path: Path, broken_off: Callable[..., None]
) -> None:
    words = [*TRAIN, "--samples", "64", "--ema-half-life", "16"]
    assert belamy(*words, "--out", "whole").returncode == 0
    states = []
    for number in (5, 11):
        out = f"broken-{number}"
        broken_off(words, out, number)
        states.append(Run.open(tmp_path / out).method().state_dict())
    whole = Run.open(tmp_path / "whole").method().state_dict()
    for state in states:
        assert whole.keys() == state.keys() and all(torch.equal(whole[key], state[key]) for key in whole)


WRONG = [
    ("--size 15x24", "must divide by 2, but these are 15 wide and 24 high. Type --size 14x24"),
    ("--crop 20", "The crop is 20, but it must be a multiple of 2 and at most 16"),
    ("--crop 7", "Type --crop 6."),
    ("--scale 5", "scale"),
    ("--degradation two-rounds:strength=3", "two-rounds.strength is 3.0, but it must be in 0..1"),
    ("--degradation two-round", "Did you mean 'two-rounds'"),
    ("--generator srresnet:base=cubic", "base is 'cubic'"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_what_cannot_be_is_refused(words: str, said: str, belamy: Command, tmp_path: Path) -> None:
    done = belamy(*TRAIN, *words.split(), "--out", "never")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "never").exists()


def test_a_blend_out_of_range_is_refused(run: Path, belamy: Command, tmp_path: Path) -> None:
    picture(12, 8).save(tmp_path / "small.png")
    done = belamy("translate", run, "small.png", "--blend", 1.5, "--out", "large.png")
    assert done.returncode == 2 and "blend" in done.stderr and not (tmp_path / "large.png").exists()
