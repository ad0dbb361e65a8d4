"""What rules measure in drawings that are known and how limits are learned."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import Tensor

from belamy.data.figures import pieces
from belamy.forensics.specifications import SPECIFICATIONS, learn, surprise
from belamy.seeds import generator


def drawing(*rows: str) -> Tensor:
    """A picture of characters: # is ink.  # [1, 1, H, W]"""
    return torch.tensor([[255 if letter == "#" else 0 for letter in row] for row in rows], dtype=torch.uint8)[
        None, None
    ]


RING = drawing(
    "..........", "..######..", "..######..", "..##..##..", "..##..##..", "..######..", "..######..", ".........."
)
SPECKS = drawing("........", ".###..#.", ".###....", ".###....", "....#...", "........", "......##", "........")
BLANK = drawing(*["........"] * 8)


def measured(name: str, images: Tensor) -> float:
    return float(SPECIFICATIONS.load(name)().measure(images)[0])


@pytest.mark.parametrize(
    ("name", "ring", "specks", "blank"),
    [
        ("pieces", 1, 3, 0),
        ("holes", 1, 0, 0),
        ("continuity", 1, 10 / 13, 1),
        ("thickness", 2 * 32 / (2 * 12 + 2 * 4), 2 * 13 / (12 + 4 + 4 + 6), 0),
        ("thickest", 1, 3, 0),
        ("border", 0, 1 / 28, 0),
        ("symmetry", 1, None, 1),
        ("brightest", 255, 255, 0),
        ("darkest", 0, 0, 0),
        ("values", 2, 2, 1),
        ("ink", 255 * 32 / 80, 255 * 13 / 64, 0),
        ("centre-vertical", 0.5, None, 0.5),
        ("centre-horizontal", 0.5, None, 0.5),
        ("sharpest-edge", 255, 255, 0),
        ("faint-pixels", 0, 0, 0),
    ],
)
def test_rules_measure_what_they_say(name: str, ring: float, specks: float | None, blank: float) -> None:
    assert measured(name, RING) == pytest.approx(ring)
    assert measured(name, BLANK) == pytest.approx(blank)
    if specks is not None:
        assert measured(name, SPECKS) == pytest.approx(specks)
    upright = torch.cat([SPECKS, SPECKS.flip(3)])
    assert measured(name, upright.expand(-1, 3, -1, -1)) == pytest.approx(measured(name, SPECKS)), "colour is no ink"


def test_every_specification_is_tested_above_and_says_its_limits() -> None:
    tested = {mark.args[1][index][0] for mark in test_rules_measure_what_they_say.pytestmark for index in range(15)}
    assert set(SPECIFICATIONS.names()) == tested
    for name in SPECIFICATIONS.names():
        said = SPECIFICATIONS.load(name).says.format(low="LOW", high="HIGH")
        assert "LOW" in said and "HIGH" in said


def test_dark_ink_on_light_ground_is_ink_too() -> None:
    for name in ("pieces", "holes", "thickness", "ink"):
        assert measured(name, 255 - RING) == measured(name, RING)


@pytest.mark.parametrize("corners", [True, False])
def test_pieces_are_those_of_each_image_alone(corners: bool) -> None:
    from scipy import ndimage

    masks = torch.rand(40, 17, 23, generator=generator(0, "masks")) < torch.linspace(0, 0.7, 40)[:, None, None]
    for mask, found in zip(masks, pieces(masks, corners), strict=True):
        labels, count = ndimage.label(mask.numpy(), torch.ones(3, 3).numpy() if corners else None)
        assert found[found > 0].tolist() == [int((labels == number).sum()) for number in range(1, count + 1)]


def test_images_without_ink_have_no_piece() -> None:
    assert pieces(torch.zeros(2, 5, 5, dtype=torch.bool)).tolist() == [[0], [0]]


def test_a_long_snake_is_one_piece() -> None:
    mask = torch.zeros(1, 40, 40, dtype=torch.bool)
    mask[:, ::2] = True
    mask[:, 1::4, -1], mask[:, 3::4, 0] = True, True
    assert pieces(mask, corners=False).tolist() == [[int(mask.sum())]]


def test_limits_keep_their_false_alarms() -> None:
    shares = []
    for trial in range(200):
        draw = torch.randn(199 + 500, generator=generator(trial, "limits"))
        limits = learn(draw[:199], 0.05)
        shares.append(limits.broken(draw[199:]).double().mean())
    assert float(torch.stack(shares).mean()) == pytest.approx(0.05, abs=0.006)
    few = learn(torch.arange(9.0), 0.05)
    assert (few.low, few.high, few.false_alarms) == (0, 8, 0.2), "nine images cannot tell of one in twenty"
    assert learn(torch.zeros(0), 0.1).low == -inf


def test_surprise_grows_outwards() -> None:
    reference = torch.arange(1.0, 101)
    found = surprise(reference, torch.tensor([50.5, 1.0, 0.0, 200.0, 90.0]))
    assert found.tolist() == pytest.approx([0, 1 - 4 / 101, 1 - 2 / 101, 1 - 2 / 101, 1 - 24 / 101])
    assert surprise(torch.ones(10), torch.ones(1))[0] == 0, "what all do surprises nobody"


def test_a_reference_image_surprises_as_much_as_a_fresh_one() -> None:
    draws = torch.randn(400, 40, generator=generator(0, "draws"))
    inside = torch.cat([surprise(draw[:39], draw[:39], itself=True) for draw in draws]).mean()
    outside = torch.cat([surprise(draw[:39], draw[39:]) for draw in draws]).mean()
    assert abs(float(inside - outside)) < 0.03
