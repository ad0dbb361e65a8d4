"""Filling holes of pictures by a trained run, from masks to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import belamy
from belamy.cli import main
from belamy.methods.inpainting import Recipe
from belamy.registry import Part

SIDES = (20, 28)  # height, width


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, masks and a short run."""
    folder = tmp_path_factory.mktemp("fill")
    numbers = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for name in ("a", "b"):
        Image.fromarray(numbers.integers(0, 256, (*SIDES, 3), dtype=np.uint8)).save(folder / f"pictures/{name}.png")
    holes = np.zeros(SIDES, np.uint8)
    holes[4:11, 9:20] = 255
    Image.fromarray(holes).save(folder / "mask.png")
    Image.fromarray(holes).save(folder / "mask.jpg")
    Image.fromarray(holes[:-1]).save(folder / "low.png")
    Image.fromarray(np.zeros(SIDES, np.uint8)).save(folder / "black.png")
    Image.fromarray(np.full(SIDES, 100, np.uint8)).save(folder / "grey.png")
    Image.fromarray(holes > 0).save(folder / "bits.png")
    pixels = np.asarray(Image.open(folder / "pictures/a.png"))
    Image.fromarray(np.dstack([pixels, 255 - holes])).save(folder / "alpha.png")
    recipe = Recipe(
        data="dead-leaves:count=40", size=32, channels=3, train_samples=16, batch=8, perceptual_weight=0,
        style_weight=0, generator=Part(name="partial-conv", width=4, depth=3),
    )  # fmt: skip
    belamy.train(recipe, out=folder / "run", snapshots=1, progress=False)
    pix = {"data": "outlines:count=12", "train_samples": 8}
    from belamy.methods.pix2pix import Recipe as Pairs

    belamy.train(Pairs.tiny().changed(**pix), out=folder / "pairs", snapshots=1, progress=False)
    return folder


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    ("given", "mask"), [("pictures/a.png", "mask.png"), ("pictures/a.png", "bits.png"), ("alpha.png", None)]
)
def test_a_hole_is_filled_and_the_rest_stays_bit_for_bit(
    place: Path, tmp_path: Path, given: str, mask: str | None
) -> None:
    words = ["translate", str(place / "run"), str(place / given), "--out", str(tmp_path / "new.png"), "--no-progress"]
    assert main(words + ([] if mask is None else ["--mask", str(place / mask)])) == 0
    before, after, holes = (
        pixels(place / "pictures/a.png"),
        pixels(tmp_path / "new.png"),
        pixels(place / "mask.png") > 0,
    )
    assert after.shape == before.shape
    assert (after[~holes] == before[~holes]).all()
    assert (after[holes] != before[holes]).mean() > 0.9


def test_a_feathered_seam_changes_holes_alone(place: Path) -> None:
    plain, feathered = (
        belamy.translate(place / "run", place / "pictures", mask=place / "mask.png", feather=feather)
        for feather in (0, 3)
    )
    holes = torch.from_numpy(pixels(place / "mask.png") > 0)
    assert len(plain) == len(feathered) == 2
    for one, other in zip(plain.items, feathered.items, strict=True):
        assert torch.equal(one.made[:, ~holes], other.made[:, ~holes]) and not torch.equal(one.made, other.made)


def test_held_out_pictures_get_holes_and_rivals(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["translate", str(place / "run"), "test", "--out", str(tmp_path / "new"), "--no-progress"]) == 0
    said = capsys.readouterr().out
    assert "surroundings" in said and "the inputs as they are" in said
    assert (tmp_path / "new/translations.html").is_file()


def test_masks_of_a_folder_belong_by_name(place: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.open(place / "mask.png").save(masks / "b.png")
    made = belamy.translate(place / "run", place / "pictures", mask=masks)
    assert [item.name for item in made.items] == ["b.png"]
    ((name, why),) = made.skipped
    assert name == "a.png" and "There is no mask" in why and not why.endswith(".")


WRONG: list[tuple[list[Any], str]] = [
    (["--mask", "low.png"], "The mask is 28x19, but a.png is 28x20. They must be alike"),
    (["--mask", "mask.jpg"], "different values, as a JPEG does, which blurs every edge. It must be white in holes"),
    (["--mask", "pictures/b.png"], "It must be white in holes and black elsewhere, nothing between"),
    (["--mask", "grey.png"], "is of one grey, 100, everywhere. Make it white in holes and black elsewhere"),
    (["--mask", "black.png"], "is black everywhere, so it marks nothing"),
    (["--mask", "alpha.png"], "is transparent in places. Make it white in holes"),
    (["--mask", "none.png"], "There is no mask"),
    (["--mask", "run/recipe.json"], "is no mask that can be read"),
    (["--mask", "mask.png", "--size", "32"], "A mask is as large as its picture, which --size would change"),
    ([], "Nothing can be filled: a.png: it has no hole"),
    (["--feather", "-1"], "--feather is -1"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_what_cannot_be_filled_is_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    words = [str(place / word) if "." in word else word for word in words]
    out = ["--out", str(tmp_path / "new.png"), "--no-progress"]
    assert main(["translate", str(place / "run"), str(place / "pictures/a.png"), *words, *out]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new.png").exists()


def test_a_run_that_fills_nothing_takes_no_mask(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "new.png"), "--no-progress"]
    words = ["translate", str(place / "pairs"), str(place / "mask.png"), "--mask", str(place / "mask.png"), *out]
    assert main(words) == 2
    assert "fills no holes. Leave out --mask, or take a run of partial-conv-small" in capsys.readouterr().err
