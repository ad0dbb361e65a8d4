"""Holes that are drawn at random."""

from __future__ import annotations

import pytest
import torch

from belamy.data.holes import HoleShapes
from belamy.errors import UsageError


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shapes", ["strokes", "boxes", "mixed"])
@pytest.mark.parametrize("sides", [(64, 64), (32, 80)])
def test_they_cover_a_share_between_the_bounds(shapes: str, sides: tuple[int, int]) -> None:
    drawn = [HoleShapes(shapes, 0.1, 0.5).drawn(*sides, stream(seed)) for seed in range(40)]
    shares = [float(holes.double().mean()) for holes in drawn]
    assert min(shares) >= 0.1 and max(shares) <= 0.5
    assert min(shares) < 0.2 and max(shares) > 0.4
    assert {tuple(holes.shape) for holes in drawn} == {sides}
    assert len({holes.numpy().tobytes() for holes in drawn}) == 40


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_narrow_bounds_are_met_to_a_pixel_or_so(share: float) -> None:
    holes = HoleShapes("mixed", share, share).drawn(16, 16, stream(1))
    assert abs(float(holes.double().mean()) - share) < 0.05


def test_a_mask_is_its_own_streams_alone() -> None:
    shapes = HoleShapes("mixed", 0.1, 0.5)
    three = shapes.known((24, 32), [stream(1), stream(2), stream(3)], torch.zeros((), dtype=torch.float64))
    assert three.shape == (3, 1, 24, 32) and three.dtype == torch.float64
    assert torch.equal(three[1:2], shapes.known((24, 32), [stream(2)], torch.zeros((), dtype=torch.float64)))
    assert torch.equal(three[0, 0] == 0, shapes.drawn(24, 32, stream(1)))


def test_the_centre_has_half_the_sides_less_its_margin() -> None:
    holes = HoleShapes("centre", 0.25, 0.25, 2).drawn(16, 32, stream(0))
    assert holes.nonzero()[[0, -1]].tolist() == [[6, 10], [9, 21]] and int(holes.sum()) == 4 * 12


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("dots", 0.1, 0.5), "There are no holes 'dots': they must be strokes, boxes, mixed, centre"),
        (("boxes", 0.5, 0.1), "Holes are to cover 0.5 to 0.1 of a picture.*--least-hole 0.1 --most-hole 0.5"),
        (("boxes", 0.0, 0.1), "above 0 and below 1"),
    ],
)
def test_what_cannot_be(wrong: tuple[str, float, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        HoleShapes(*wrong)
