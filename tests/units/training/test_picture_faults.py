"""Faults of pictures, against closed forms and pictures that were spoiled by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from belamy.training.watch import picture_faults as faults


@pytest.fixture
def pictures() -> Tensor:
    """Soft noise in colour."""
    noise = torch.randn(12, 3, 34, 34, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool2d(noise, 3, 1).clamp(-1, 1)


def everywhere(pictures: Tensor) -> Tensor:
    return torch.ones(len(pictures), 1, *pictures.shape[2:])


def test_a_spot_stands_out_and_an_edge_or_a_line_does_not() -> None:
    drawn = torch.zeros(5, 3, 24, 24)
    drawn[1, :, 10:13, 10:13] = 0.9
    drawn[2, :, 10:13, 10:13] = -0.5
    drawn[3, :, :, 12:] = 0.9
    drawn[4, :, 10:13] = 0.9
    none, bright, dark, edge, line = faults.spots(drawn).tolist()
    assert none == edge == line == [0, 0]
    assert bright == [pytest.approx(0.9), 0] and dark == [0, pytest.approx(0.5)]
    assert faults.spots(torch.zeros(1, 1, 4, 4)).tolist() == [[0, 0]]


@pytest.mark.parametrize("axis", [2, 3])
def test_a_seam_is_found_where_it_is(pictures: Tensor, axis: int) -> None:
    usual = faults.lines(pictures)
    whole = faults.seam(usual, usual)
    cut = pictures.clone()
    cut.narrow(axis, 20, 12).add_(1.0)
    found = faults.seam(faults.lines(cut), usual)
    assert whole.factor == pytest.approx(1.0, abs=0.3) and found.factor > 3 and found.inside == 12
    assert faults.seam(faults.lines(cut), faults.lines(cut)).factor == pytest.approx(1.0)


def test_jumps_are_means_over_the_edges_of_holes() -> None:
    known = torch.ones(1, 1, 6, 6)
    known[..., 2:4, 2:4] = 0
    ramp = torch.arange(6.0).expand(1, 1, 6, 6)  # neighbours differ by 1 across, by 0 down: four of each
    assert faults.jumps(ramp, known) == pytest.approx(0.5)
    assert faults.jumps(torch.where(known > 0, ramp, ramp + 10), known) == pytest.approx((2 * 11 + 2 * 9 + 4 * 10) / 8)
    assert faults.jumps(ramp, torch.ones_like(known)) == 0


def test_likeness_is_the_correlation(pictures: Tensor) -> None:
    weights = everywhere(pictures)
    assert faults.likeness(pictures, pictures, weights) == pytest.approx(1.0, abs=1e-5)
    assert faults.likeness(0.3 - pictures, pictures, weights) == pytest.approx(-1.0, abs=1e-5)
    assert abs(faults.likeness(pictures, pictures.flip(0), weights)) < 0.1
    shifted = pictures + torch.tensor([0.5, -0.2, 0.0])[:, None, None]
    assert faults.likeness(shifted, pictures, weights) == pytest.approx(1.0, abs=1e-5), "means do not count"


def test_only_pixels_that_count_are_measured(pictures: Tensor) -> None:
    weights = everywhere(pictures)
    weights[..., :16] = 0
    spoiled = pictures.clone()
    spoiled[..., :16] = 1.0
    assert faults.likeness(spoiled, pictures, weights) == pytest.approx(1.0, abs=1e-5)
    assert faults.apart(spoiled, pictures, weights) == 0
    assert torch.equal(faults.channel_means(spoiled, weights), faults.channel_means(pictures, weights))
    assert faults.variety(spoiled, weights) == pytest.approx(faults.variety(pictures, weights))


def test_a_shift_counts_beyond_chance(pictures: Tensor) -> None:
    means, deviation = pictures.mean((2, 3)), pictures.std()
    moved = means + torch.tensor([0.0, 0.3, 0.0])
    exact = 0.3 / float(deviation + 1e-3)
    assert faults.shift(moved, means, deviation, paired=True) == pytest.approx(exact, rel=1e-4)
    assert 0.5 * exact < faults.shift(moved, means.flip(0), deviation, paired=False) < exact
    assert faults.shift(means, means, deviation, paired=True) == 0
    chance = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    assert faults.shift(means + 0.2 * chance, means, deviation, paired=True) < 0.6 * 0.2 / float(deviation)


def test_variety_is_the_deviation_from_picture_to_picture() -> None:
    values = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 2, 8, 8)
    assert faults.variety(values, everywhere(values)) == pytest.approx((2 / 3) ** 0.5)
    assert faults.variety(values[:1].expand(3, -1, -1, -1), everywhere(values)) == 0


def test_the_way_between_sides(pictures: Tensor) -> None:
    here, there = pictures, (pictures.flip(0) + 0.7).clamp(-1, 1)
    way = faults.Way.between(here, there)
    assert way.distance > 3
    assert way.gone(here, here) == 0
    assert way.gone(here, there) == pytest.approx(1.0, abs=1e-4)
    assert 0.3 < way.gone(here, (here + 0.35).clamp(-1, 1)) < 0.7
    assert faults.Way.between(here[::2], here[1::2]).distance < 1.6
