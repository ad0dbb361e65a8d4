"""What the game measures, against closed forms."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from belamy.game import measure
from belamy.game.belief import belief
from belamy.game.settings import ADVERSARIAL, DISTRIBUTIONS
from belamy.game.transport import wasserstein_1
from belamy.registry import Part
from belamy.seeds import Draws


class Straight(nn.Module):
    """x = scale · z + shift."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, latents: Tensor) -> Tensor:
        return self.scale * latents + self.shift


class Folded(nn.Module):
    """x = |z|: two latents for every point."""

    def forward(self, latents: Tensor) -> Tensor:
        return latents.abs()


def normal(x: np.ndarray, mean: float = 0.0, deviation: float = 1.0) -> np.ndarray:
    return np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_wasserstein_is_the_cheapest_of_all_pairings(count: int) -> None:
    first, second = np.random.default_rng(count).random((2, count, 2))
    least = min(np.hypot(*(first - second[list(order)]).T).mean() for order in permutations(range(count)))
    assert wasserstein_1(first, second) == pytest.approx(least, abs=1e-12)


def test_wasserstein_of_a_shift_is_its_length() -> None:
    points = np.random.default_rng(0).normal(size=(40, 2))
    assert wasserstein_1(points, points[::-1] + np.array([0.3, 0.4])) == pytest.approx(0.5, abs=1e-12)


def test_wasserstein_on_the_line_is_that_of_gaussians() -> None:
    """Of equal deviations the difference of means; of equal means √(2/π) times the difference of deviations."""
    target = DISTRIBUTIONS.build(Part(name="gaussian", mean=-1.5, deviation=0.7))
    assert measure.line_wasserstein(Straight(0.7, 0.5), target) == pytest.approx(2.0, rel=1e-3)
    assert measure.line_wasserstein(Straight(1.2, -1.5), target) == pytest.approx(math.sqrt(2 / math.pi) / 2, rel=5e-3)


@pytest.mark.parametrize(("generator", "factor"), [(Straight(-0.8, 0.4), 1.0), (Folded(), 2.0)])
def test_the_pushed_forward_density_is_exact(generator: nn.Module, factor: float) -> None:
    edges = np.linspace(-6, 6, 601)
    middles, masses = (edges[1:] + edges[:-1]) / 2, measure.pushed_forward(generator, edges)
    wanted = normal(middles, 0.4, 0.8) if factor == 1 else 2 * normal(middles) * (middles > 0)
    assert np.abs(masses / 0.02 - wanted).max() < 4e-3
    assert masses.sum() == pytest.approx(1, abs=1e-3)


def test_jensen_shannon_of_gaussians_and_of_disjoint_masses() -> None:
    x = np.linspace(-12, 12, 4001)
    p, q = normal(x) * 0.006, normal(x, 1.0) * 0.006
    middle = (p + q) / 2
    wanted = 0.5 * (p * np.log(p / middle)).sum() + 0.5 * (q * np.log(q / middle)).sum()
    assert measure.Cells(np.arange(4002.0), p, q).jensen_shannon() == pytest.approx(wanted, abs=1e-9)
    assert measure.Cells(np.arange(4002.0), p, p).jensen_shannon() == 0
    everywhere_else = measure.Cells(np.arange(3.0), np.array([0.5, 0.5]), np.zeros(2))
    assert everywhere_else.jensen_shannon() == pytest.approx(math.log(2), abs=1e-12)


def test_the_optimal_discriminator() -> None:
    real, fake = np.array([0.2, 0.0, 0.3, 0.0]), np.array([0.2, 0.1, 0.1, 0.0])
    assert measure.optimal_discriminator(real, fake) == pytest.approx([0.5, 0.0, 0.75, 0.5])


def test_separation() -> None:
    same = np.arange(100.0)
    assert measure.separation(same, same) == 0
    assert measure.separation(same + 1000, same) == 1 == measure.separation(same, same + 1000)
    assert measure.separation(np.array([0, 1, 2, 3.0]), np.array([2, 3, 4, 5.0])) == 0.5


def test_modes_and_quality_are_counted() -> None:
    ring = DISTRIBUTIONS.build(Part(name="ring"))
    near = ring.centres[[0, 0, 3]] + 0.059 / math.sqrt(2)
    found = measure.coverage(torch.cat([near, ring.centres[[5]] + 0.1, torch.zeros(1, 2)]), ring)
    assert found == (2, 8, pytest.approx(3 / 5))
    whole = measure.coverage(ring.sample(20_000, Draws(0, 0)), ring)
    assert whole is not None and whole.covered == 8
    # Of a round Gaussian in the plane, 1 - exp(-9/2) lies within three standard deviations.
    assert whole.quality == pytest.approx(1 - math.exp(-4.5), abs=0.005)
    assert measure.coverage(near, DISTRIBUTIONS.build(Part(name="moons"))) is None


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("non-saturating", lambda s: 1 / (1 + np.exp(-s))),
        ("minimax", lambda s: 1 / (1 + np.exp(-s))),
        ("relativistic-pairing", lambda s: 1 / (1 + np.exp(-s))),
        ("least-squares", lambda s: np.clip(s, 0, 1)),
        ("least-squares:a=-1,b=1,c=0", lambda s: np.clip((s + 1) / 2, 0, 1)),
        ("hinge", lambda s: np.where(s > 1, 1, np.where(s < -1, 0, 0.5))),
    ],
)
def test_scores_are_read_as_the_loss_means_them(name: str, wanted) -> None:  # type: ignore[no-untyped-def]
    loss = ADVERSARIAL.build(Part.parse(name))
    read = belief(loss.discriminator, loss.relativistic)
    scores = np.array([-5.0, -0.6, 0.0, 0.3, 0.7, 5.0])
    assert read is not None and read(scores) == pytest.approx(wanted(scores), abs=1e-4)


@pytest.mark.parametrize("name", ["wasserstein", "energy-based", "boundary-equilibrium"])
def test_scores_of_critics_and_energies_are_no_beliefs(name: str) -> None:
    loss = ADVERSARIAL.build(Part(name=name))
    assert belief(loss.discriminator, loss.relativistic) is None


def test_a_relative_score_is_read_so_that_beliefs_are_one_half_on_average() -> None:
    loss = ADVERSARIAL.build(Part(name="relativistic-pairing"))
    read = belief(loss.discriminator, relative=True)
    assert read is not None
    real, fake = np.array([101.0, 103.0]), np.array([99.0, 101.0])
    origin = read.origin(real, fake)
    assert origin == pytest.approx(101.0, abs=1e-4)
    assert read(np.concatenate([real, fake]), origin).mean() == pytest.approx(0.5, abs=1e-6)
