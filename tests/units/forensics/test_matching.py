"""Formats: what is compared, what is refused, and what treatments do to pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import DataError, UsageError
from belamy.evaluation.candidate import Candidate, open_candidate
from belamy.forensics.matching import Side, check, look, quality
from belamy.forensics.treatments import Treatment, blur, jpeg, parse, resize, rounded, rounding


def pictures(folder: Path, ending: str, count: int = 6, side: int = 16, grey: bool = True, **options: int) -> Path:
    """Noise, smooth enough for every codec."""
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(0)
    for index in range(count):
        pixels = numbers.integers(0, 256, (side, side) if grey else (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.{ending}", **options)
    return folder


def sides(first: Path, second: Path) -> tuple[Side, Side]:
    one, two = (open_candidate(path, count=100) for path in (first, second))
    return look("suspects", one, str(first)), look("real images", two, str(second))


def test_png_and_bmp_are_one_format(tmp_path: Path) -> None:
    assert check(*sides(pictures(tmp_path / "a", "png"), pictures(tmp_path / "b", "bmp")), None) == []


def test_png_against_jpeg_is_refused_with_a_way_out(tmp_path: Path) -> None:
    pair = sides(pictures(tmp_path / "a", "png"), pictures(tmp_path / "b", "jpg", quality=90))
    with pytest.raises(DataError) as caught:
        check(*pair, None)
    said = str(caught.value)
    assert "The suspects are PNG, the real images JPEG of quality 90." in said and "--hide jpeg:75" in said
    with pytest.raises(DataError, match="--hide jpeg:75"):
        check(*pair, rounding())
    notes = check(*pair, jpeg(75))
    assert len(notes) == 1 and "the real images had been compressed before" in notes[0]


@pytest.mark.parametrize(("second", "refused"), [(90, False), (60, True)])
def test_jpeg_against_jpeg_needs_one_quality(second: int, refused: bool, tmp_path: Path) -> None:
    pair = sides(
        pictures(tmp_path / "a", "jpg", quality=90), pictures(tmp_path / "b", "jpg", grey=True, quality=second)
    )
    if not refused:
        assert check(*pair, None) == []
        return
    with pytest.raises(DataError, match=r"JPEG of quality 90, the real images JPEG of quality 60"):
        check(*pair, None)


def test_an_archive_is_looked_into(tmp_path: Path) -> None:
    import shutil

    folder = pictures(tmp_path / "a", "jpg", quality=80)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    side = look("suspects", open_candidate(archive, count=10), archive)
    assert side.lossy and dict(side.qualities) == {80: 6}


def test_a_mixed_folder_is_no_format(tmp_path: Path) -> None:
    first = pictures(tmp_path / "a", "png")
    Image.fromarray(np.zeros((16, 16), dtype=np.uint8)).save(first / "9.jpg")
    with pytest.raises(DataError, match="mixed: JPEG, PNG"):
        check(*sides(first, pictures(tmp_path / "b", "jpg")), None)


def test_sizes_and_channels_must_agree(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"16x16 pixels in 1 channel.*24x24 pixels in 1 channel.*--size 16"):
        check(*sides(pictures(tmp_path / "a", "png"), pictures(tmp_path / "b", "png", side=24)), None)
    with pytest.raises(DataError, match="grey or colour on both sides"):
        check(*sides(tmp_path / "a", pictures(tmp_path / "c", "png", grey=False)), None)


def test_resizing_one_side_is_noted(tmp_path: Path) -> None:
    first, second = pictures(tmp_path / "a", "png"), pictures(tmp_path / "b", "png", side=24)
    one, two = open_candidate(first, count=9), open_candidate(second, count=9, size=16)
    notes = check(Side("suspects", one, look("", one, "").qualities), look("real images", two, str(second)), None)
    assert len(notes) == 1 and "Resizing leaves traces" in notes[0] and "crop to 16" in notes[0]


def test_a_runs_samples_are_a_lossless_format() -> None:
    real = open_candidate("avatars-16", count=9)
    drawn = Candidate(**{**vars(real), "format": "run", "quantisation": "float"})
    assert check(look("suspects", drawn, "runs/x"), look("real images", real, "avatars-16"), None) == []
    assert "never files" in look("suspects", drawn, "runs/x").said()


@pytest.mark.parametrize("wanted", [25, 50, 75, 90, 95])
def test_qualities_are_read_from_tables(wanted: int, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 16), dtype=np.uint8)).save(tmp_path / "one.jpg", quality=wanted)
    with Image.open(tmp_path / "one.jpg") as image:
        assert abs(quality(sum(image.quantization[0])) - wanted) <= 1  # type: ignore[attr-defined]


IMAGES = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("treatment", [rounding(), jpeg(75), blur(0.5), resize(0.5)], ids=lambda each: each.name)
def test_treatments_end_in_256_values_and_keep_the_shape(treatment: Treatment) -> None:
    for images in (IMAGES, IMAGES[:, :1]):
        found = treatment.apply(images)
        assert found.shape == images.shape and found.dtype == torch.float32
        assert torch.equal(found, rounded(found)) and float(found.min()) >= 0 and float(found.max()) <= 1
        assert torch.equal(treatment.apply(images[2:3]), found[2:3]), "each image for itself"


def test_treatments_do_what_they_say(tmp_path: Path) -> None:
    every = (torch.arange(256) / 255).reshape(1, 1, 16, 16)
    assert torch.equal(rounded(every), every) and torch.equal(rounded(every + 0.4 / 255)[..., :-1], every[..., :-1])
    flat = torch.full((1, 3, 16, 16), 100 / 255)
    for treatment in (blur(1), resize(0.5), jpeg(95)):
        torch.testing.assert_close(treatment.apply(flat), flat, atol=1.1 / 255, rtol=0)
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    spread = blur(2).apply(point)
    assert float(spread.max()) == pytest.approx(1 / (2 * torch.pi * 4), abs=1 / 255) and float(spread.sum()) > 0.9
    from belamy.forensics.treatments import to_pixels

    Image.fromarray(to_pixels(IMAGES)[0].permute(1, 2, 0).numpy()).save(tmp_path / "x.jpg", quality=75)
    with Image.open(tmp_path / "x.jpg") as image:
        saved = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
    assert torch.equal(to_pixels(jpeg(75).apply(IMAGES))[0], saved)


@pytest.mark.parametrize("text", ["png", "jpeg", "jpeg:0", "jpeg:101", "jpeg:high", "uint8:3", ""])
def test_an_unknown_treatment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be uint8 or jpeg:QUALITY"):
        parse(text)


def test_treatments_have_names() -> None:
    assert parse("uint8").kind == "uint8" and parse("jpeg:40").strength == 40
