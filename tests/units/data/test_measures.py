"""Measures against drawn figures whose values are known, and labels made of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from belamy.data import open_data
from belamy.data.assembly import class_names, split
from belamy.data.dataset import Dataset, Memory
from belamy.data.measures import MEASURES
from belamy.data.measures.labelling import labelled
from belamy.errors import BelamyError, DataError, UsageError
from belamy.registry import Part

SIDE, FINE = 28, 8


def measure(name: str, images: Tensor) -> list[float]:
    return MEASURES.build(Part.parse(name))(images).tolist()


def drawing(inside: Tensor, ink: int = 255, ground: int = 0) -> Tensor:
    """A figure on a grid eight times as fine, as the grey image that a camera would see.  # [1, 1, 28, 28]"""
    share = avg_pool2d(inside.double()[None, None], FINE)
    return (ground + share * (ink - ground)).round().to(torch.uint8)


def plane() -> tuple[Tensor, Tensor]:
    """x to the right and y upwards, in pixels from the centre."""
    line = (torch.arange(SIDE * FINE) + 0.5) / FINE - SIDE / 2
    y, x = torch.meshgrid(-line, line, indexing="ij")
    return x, y


def bar(width: float, length: float = 18, degrees: float = 0) -> Tensor:
    """A bar, turned clockwise from the vertical."""
    x, y = plane()
    turn = math.radians(degrees)
    across, along = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    return (across.abs() < width / 2) & (along.abs() < length / 2)


def ring(radius: float, width: float, across: float = 0) -> Tensor:
    x, y = plane()
    return (torch.hypot(x - across, y) - radius).abs() < width / 2


@pytest.mark.parametrize("width", [2, 3, 4, 5])
@pytest.mark.parametrize("degrees", [0, 10, 30, 45])
def test_thickness_of_bars_at_every_angle(width: int, degrees: int) -> None:
    assert measure("thickness", drawing(bar(width, degrees=degrees)))[0] == pytest.approx(width, rel=0.07)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_thickness_of_rings_crosses_and_discs(width: int) -> None:
    assert measure("thickness", drawing(ring(7, width)))[0] == pytest.approx(width, rel=0.08)
    if width > 1:  # the middle of a thinner cross is its strongest ink, beside which its arms seem faint
        cross = bar(width, 20) | bar(width, 20, 90)
        assert measure("thickness", drawing(cross))[0] == pytest.approx(width, rel=0.08)
    x, y = plane()
    assert measure("thickness", drawing(torch.hypot(x, y) < 2 * width))[0] == pytest.approx(4 * width, rel=0.15)


def test_thickness_grows_with_the_stroke_and_not_with_contrast() -> None:
    widths = torch.cat([drawing(bar(tenths / 10, degrees=20)) for tenths in range(12, 60, 2)])
    values = MEASURES.build(Part(name="thickness"))(widths)
    assert (values.diff() > 0).all()
    faint, inverted = drawing(bar(3, degrees=20), ink=90), drawing(bar(3, degrees=20), ink=0, ground=255)
    assert measure("thickness", torch.cat([faint, inverted])) == pytest.approx([2.82] * 2, abs=0.05)


@pytest.mark.parametrize("degrees", [-30, -10, 0, 15, 35])
def test_slant_of_sheared_bars(degrees: int) -> None:
    x, y = plane()
    sheared = ((x - y * math.tan(math.radians(degrees))).abs() < 1.5) & (y.abs() < 8)
    # grey pixels move the squares of y by a twelfth of a pixel; the mixed moment not at all
    assert measure("slant", drawing(sheared))[0] == pytest.approx(degrees, abs=0.5)


def test_width_and_loops() -> None:
    images = [bar(3), bar(18, 3), ring(6, 2), ring(5, 2, -6) | ring(5, 2, 6), torch.zeros_like(bar(3))]
    drawn = torch.cat([drawing(image) for image in images])
    assert measure("width", drawn) == [4, 18, 14, 24, 0]  # a bar of three pixels about the middle covers half of two
    assert measure("loops", drawn) == [0, 0, 1, 2, 0]


def test_loops_do_not_leak_through_corners_and_may_have_a_least_size() -> None:
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    for y, x in ((1, 2), (2, 1), (2, 3), (3, 2)):  # a diamond about one pixel of ground
        image[..., y, x] = 200
    assert measure("loops", image) == [1] and measure("loops:least=2", image) == [0]


def test_brightness_and_colours() -> None:
    flat = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [90, 90, 90]], dtype=torch.uint8)
    images = flat[:, :, None, None].expand(-1, -1, 8, 8)
    assert measure("brightness", images) == pytest.approx([0.2126, 0.7152, 0.0722, 0.9278, 90 / 255])
    assert measure("colour:kind=hue", images) == pytest.approx([0, 120, 240, 60, 0])
    assert measure("colour", images) == pytest.approx([1, 1, 1, 1, 0])
    assert measure("colour:kind=red", images) == pytest.approx([1, -0.5, -0.5, 0.5, 0])
    grey = images[:, :1]
    assert measure("brightness", grey) == pytest.approx([1, 0, 0, 1, 90 / 255]) and measure("colour", grey) == [0] * 5


@pytest.mark.parametrize("name", MEASURES.names())
def test_every_measure_sees_each_image_by_itself(name: str) -> None:
    images = torch.randint(0, 256, (5, 3, 12, 16), dtype=torch.uint8)
    blank = torch.full((2, 3, 12, 16), 7, dtype=torch.uint8)
    made = MEASURES.build(Part(name=name))
    together = made(torch.cat([images, blank]))
    assert together.dtype == torch.float64 and together.shape == (7,) and together.isfinite().all()
    assert torch.equal(together[:5], torch.cat([made(image[None]) for image in images]))
    assert len(made.words) == 2 and made.words[0] != made.words[1] and made.unit


def bars(widths: list[float]) -> Dataset:
    return Dataset("bars", Memory(torch.cat([drawing(bar(width)) for width in widths])))


def test_labels_split_the_training_images_evenly() -> None:
    data = labelled(bars([1 + index / 4 for index in range(30)]), "thickness")
    assert data.classes == ("thin", "thick") and data.attributes["thickness"].values == data.classes
    assert torch.bincount(data.labels[data.indices("train")]).tolist() == [13, 14]  # 27 images train
    assert (data.labels.diff() >= 0).all()
    thirds = labelled(bars([1 + index / 4 for index in range(30)]), "thickness:parts=3")
    assert thirds.classes == ("thin", "middle", "thick")
    assert torch.bincount(thirds.labels[thirds.indices("train")]).tolist() == [9, 9, 9]


def test_ties_stay_together() -> None:
    values = torch.tensor([0.0, 0, 0, 1, 2, 2])
    assert split(values, torch.arange(6), ("low", "high"), "count").codes.tolist() == [0, 0, 0, 1, 1, 1]
    assert split(-values, torch.arange(6), ("low", "high"), "x").codes.tolist() == [1, 1, 1, 0, 0, 0]
    mostly_two = torch.tensor([0.0, 2, 2, 2, 2])
    assert split(mostly_two, torch.arange(5), ("low", "high"), "count").codes.tolist() == [0, 1, 1, 1, 1]
    with pytest.raises(DataError, match="takes too few values for 2 parts: 2 to 2, 1 different"):
        split(mostly_two[1:], torch.arange(4), ("low", "high"), "count")


def test_names_of_parts() -> None:
    assert class_names(("thin", "thick"), 2) == ("thin", "thick")
    assert class_names(("a", "b"), 5) == ("a", "part 2", "part 3", "part 4", "b")


def test_any_data_offer_measures_as_labels(noise_file: object) -> None:
    faces = open_data("avatars-16", labels="brightness:parts=3")
    assert faces.classes == ("dark", "middle", "bright") and "smile" in faces.attributes
    assert abs(faces.label_counts()["dark"] - 1000) < 60
    assert open_data(str(noise_file), labels="slant").classes == ("left", "right")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ("thicknes", "has no attribute 'thicknes', nor is it measured. Did you mean 'thickness'"),
        ("smiles", "Did you mean 'smile'"),
        ("colour:kind=hew", "no kind of colour 'hew'. Did you mean 'hue'"),
        ("slant:parts=1", "parts is 1, but it must be a number in 2..100"),
        ("slant:part=2", "has no option 'part'"),
    ],
)
def test_wrong_labels(labels: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        open_data("avatars-16", labels=labels)
    assert says in str(error.value)


def test_a_folder_names_measures_too(photos_folder: str) -> None:
    with pytest.raises(BelamyError, match="Did you mean 'brightness'"):
        open_data(photos_folder, labels="brightnes")
    assert open_data(photos_folder, labels="brightness").classes == ("dark", "bright")


@pytest.fixture
def photos_folder(tmp_path: object) -> str:
    """Six flat pictures from dark to bright."""
    from PIL import Image

    for index in range(6):
        Image.new("L", (8, 8), 40 * index).save(f"{tmp_path}/{index}.png")
    return str(tmp_path)
