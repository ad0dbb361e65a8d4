"""Candidates: the same images in the same order, at their own size, with what is known of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.cli import main
from belamy.errors import DataError, UsageError
from belamy.evaluation.candidate import Candidate, open_candidate
from belamy.recipes import get
from belamy.runs.provenance import provenance
from belamy.runs.run import Run
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data

NUMBERS = np.random.default_rng(3)


def pictures(folder: Path, sides: list[tuple[int, int]], suffix: str = "png", mode: str = "L") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (width, height) in enumerate(sides):
        shape = (height, width) if mode == "L" else (height, width, 3)
        Image.fromarray(NUMBERS.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{index:03d}.{suffix}")
    return folder


def small_run(path: Path, ema_half_life: int = 0) -> Run:
    """A run whose weights are as they were drawn."""
    recipe = get("dcgan-mnist").changed(
        data="avatars-16", channels=1, generator="dense-fashion", discriminator="dense-fashion", latent=4, batch=4,
        samples=8, ema_half_life=ema_half_life,
    )  # fmt: skip
    data = open_recipe_data(recipe)
    spec = data.spec
    trainer = make_trainer(recipe, spec, data, Options(device="cpu", watch=False), World())
    run = Run.create(
        path, recipe=recipe, recipe_name="dcgan-mnist", spec=spec,
        provenance=provenance("cpu", "float32", 1, 1, data.fingerprint), card=data.card(),
    )  # fmt: skip
    run.save_checkpoint(trainer.state())
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return small_run(tmp_path_factory.mktemp("runs") / "tiny")


def all_of(candidate: Candidate) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([images for images, _ in candidate.chunks()]), torch.cat(list(candidate.values()))


def test_a_run_gives_what_it_would_write_and_what_it_was_before(run: Run) -> None:
    found = open_candidate(run.path, count=20, seed=7)
    images, values = all_of(found)
    assert torch.equal(images, run.sample(20, seed=7)) and torch.equal(all_of(found)[0], images)
    assert values.dtype == torch.float32 and values.min() >= 0 and values.max() <= 1
    assert (values * 255 - images.float()).abs().max() <= 1 and len(values.unique()) > 256
    assert (found.format, found.quantisation, found.labels, found.seed) == ("run", "float", "none", 7)
    assert found.averaged is False and found.count == 20 and found.shape == (1, 16, 16)


def test_averaged_weights_and_other_weights_are_told_apart(run: Run, tmp_path: Path) -> None:
    averaged = open_candidate(small_run(tmp_path / "averaged", ema_half_life=100).path, count=1)
    assert averaged.averaged is True and len(averaged.fingerprint) == 16


def test_files_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "fakes", [(30, 30)] * 5)
    found = open_candidate(folder, count=100)
    images, values = all_of(found)
    written = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    assert np.array_equal(images[:, 0].numpy(), np.stack(written))  # 30 is no multiple of 4, and yet nothing is resized
    assert torch.equal(values, images.float() / 255)
    assert (found.format, found.quantisation, found.labels, found.seed) == ("PNG", "uint8", "none", None)
    assert found.resize == "none" and found.averaged is None and found.count == 5


def test_pictures_of_several_sizes_are_refused_until_a_size_is_named(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "fakes", [(16, 16), (24, 20), (16, 16)])
    with pytest.raises(DataError, match=r"pictures of 2 sizes: 16x16, 24x20\..* type --size 16"):
        open_candidate(folder, count=3)
    found = open_candidate(folder, count=3, size=16)
    assert found.shape == (1, 16, 16) and found.resize == "crop to 16"


def test_oblong_pictures_are_taken_as_they_are_and_cut_only_if_asked_for(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "fakes", [(16, 12)] * 3)
    found = open_candidate(folder, count=3)
    assert found.shape == (1, 12, 16) and found.resize == "none"
    small = open_candidate(folder, count=3, size="8x12")
    assert small.shape == (1, 12, 8) and small.resize == "crop to 8x12"
    with pytest.raises(DataError, match=r"16x12 pixels .* images of 12x16 .* --size 16x12 --|--size 1[26]x1[26]"):
        open_candidate(folder, count=3, shape=(1, 16, 12))


def test_another_shape_is_refused_but_colour_follows(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "fakes", [(16, 16)] * 3)
    with pytest.raises(DataError, match=r"16x16 pixels .* images of 28x28 .* --size 16"):
        open_candidate(folder, count=3, shape=(1, 28, 28))
    assert open_candidate(folder, count=3, shape=(3, 16, 16)).shape == (3, 16, 16)


def test_the_sheet_that_sample_lays_beside_is_no_sample(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "fakes", [(16, 16)] * 4)
    pictures(tmp_path / "sheet", [(120, 60)], mode="RGB")
    (tmp_path / "sheet" / "000.png").rename(folder / "sheet.png")
    found = open_candidate(folder, count=100)
    assert found.count == 4 and found.shape == (1, 16, 16)
    assert open_candidate(folder, count=100, size=8, shape=(1, 8, 8)).count == 4


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_codecs_are_told_by_content(tmp_path: Path, packed: bool) -> None:
    folder = pictures(tmp_path / "fakes", [(16, 16)] * 2)
    pictures(tmp_path / "more", [(16, 16)] * 2, "jpg")
    for index, path in enumerate(sorted((tmp_path / "more").iterdir())):
        path.rename(folder / f"more{index}.png")  # their names lie
    source = folder
    if packed:
        source = tmp_path / "fakes.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in folder.iterdir():
                archive.write(path, f"inside/{path.name}")
    assert open_candidate(source, count=10).format == "mixed: JPEG, PNG"


def test_of_more_images_than_wanted_the_seed_chooses(tmp_path: Path) -> None:
    path = tmp_path / "fakes.npz"
    images = NUMBERS.integers(0, 256, (50, 8, 8), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(50) % 5)
    first, same, other = (open_candidate(path, count=20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(all_of(first)[0], all_of(same)[0]) and not torch.equal(all_of(first)[0], all_of(other)[0])
    assert (first.format, first.labels, first.classes, first.seed) == ("npz", "given", ("0", "1", "2", "3", "4"), 1)
    (chunk, labels), *_ = first.chunks()
    assert labels is not None
    for image, label in zip(chunk, labels, strict=True):
        assert label == int((images == image[0].numpy()).all((1, 2)).argmax()) % 5


def test_a_split_of_a_named_set(run: Run) -> None:
    found = open_candidate("avatars-16", count=10_000, split="test")
    assert found.count == 300 and found.format == "embedded"


@pytest.mark.parametrize(
    ("count", "size", "says"),
    [
        (0, None, "count is 0"),
        (5, 8, "draws images of 16x16 pixels and no others. Leave --size 8 out, or type --size 16"),
    ],
    ids=["no count", "another size"],
)
def test_what_cannot_be_is_refused(run: Run, count: int, size: int | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        open_candidate(run.path, count=count, size=size)


def test_files_of_samples_are_the_samples(run: Run, tmp_path: Path) -> None:
    assert main(["sample", str(run.path), "--count", "9", "--seed", "5", "--out", str(tmp_path / "files")]) == 0
    drawn, written = (open_candidate(source, count=9, seed=5) for source in (run.path, tmp_path / "files"))
    assert torch.equal(all_of(drawn)[0], all_of(written)[0]) and written.count == 9
