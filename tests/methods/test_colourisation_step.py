"""Colourisation against Zhang, Isola & Efros 2016, arXiv 1603.08511, equations 2 to 5, by loops in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.colourisation import Recipe
from belamy.networks.cielab import colours_of, grey_of, lab_of
from belamy.networks.colour_bins import ColourBins, gamut
from belamy.registry import Part


@pytest.fixture
def colours() -> Dataset:
    pixels = torch.randint(0, 256, (24, 3, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    return Dataset("colours", Memory(pixels))


def recipe(**fields: Any) -> Recipe:
    usual = {"generator": Part(name="zhang", width=2, halvings=1), "batch": 3, "train_samples": 60, "mirror": False}
    return Recipe(**{**usual, **fields})


def lab_by_hand(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """IEC 61966-2-1 and CIE 15, of one colour in [0, 1]."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    f, h, k = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in (x, y, z))
    return 116 * h - 16, 500 * (f - h), 200 * (h - k)


class TestLab:
    def test_colours_there_and_back(self) -> None:
        colours = torch.rand(2, 3, 5, 4, dtype=torch.float64)
        lab = lab_of(colours)
        for n, h, w in ((0, 0, 0), (1, 4, 3), (0, 2, 1)):
            assert lab[n, :, h, w].tolist() == pytest.approx(lab_by_hand(*colours[n, :, h, w].tolist()), abs=1e-9)
        torch.testing.assert_close(colours_of(lab), colours, rtol=0, atol=1e-9)

    def test_published_values(self) -> None:
        """Of pure red, green and blue."""
        pure = torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)
        wanted = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
        torch.testing.assert_close(lab_of(pure)[:, :, 0, 0], torch.tensor(wanted).double(), rtol=0, atol=0.02)

    def test_grey_is_as_light(self) -> None:
        colours = torch.rand(2, 3, 5, 4, dtype=torch.float64)
        grey = grey_of(colours)
        torch.testing.assert_close(lab_of(grey.expand(-1, 3, -1, -1))[:, 0], lab_of(colours)[:, 0], rtol=0, atol=1e-4)

    def test_gradients_are_finite_at_black_and_white(self) -> None:
        for value in (0.0, 1.0):
            given = torch.full((1, 3, 2, 2), value, requires_grad=True)
            (lab_of(given).sum() + colours_of(lab_of(given)).sum()).backward()
            assert given.grad is not None and torch.isfinite(given.grad).all()


class TestBins:
    def test_the_nearest_five_by_a_gaussian(self) -> None:
        bins = ColourBins(0.5)
        ab = torch.tensor([12.0, -37.0], dtype=torch.float64)
        weights, places = bins.encoded(ab.view(1, 2, 1, 1))
        apart = ((gamut().double() - ab) ** 2).sum(1)
        nearest = apart.argsort()[:5]
        by_hand = torch.exp(-apart[nearest] / 50)
        assert set(places.flatten().tolist()) == set(nearest.tolist())
        torch.testing.assert_close(weights.flatten(), by_hand / by_hand.sum(), rtol=1e-9, atol=1e-12)

    def test_what_is_rare_weighs_more(self) -> None:
        """Equation 4: w ∝ (½ p̃ + ½ / Q)⁻¹ with E[w] = 1, p̃ smoothed with a deviation of 5."""
        bins = ColourBins(0.5).double()
        bins.count(torch.tensor([8.0, 2.0]), torch.tensor([40, 41]))
        p = torch.zeros(len(bins), dtype=torch.float64)
        p[40], p[41] = 0.8, 0.2
        middles = gamut().double()
        near = torch.exp(-((middles[:, None] - middles[None]) ** 2).sum(2) / 50)
        p = p @ (near / near.sum(1, keepdim=True))
        rare = 1 / (0.5 * p + 0.5 / len(bins))
        torch.testing.assert_close(bins.weights(), rare / (p * rare).sum(), rtol=1e-6, atol=1e-9)
        assert bins.weights()[40] < bins.weights()[100]

    def test_the_annealed_mean_lies_between_mode_and_mean(self) -> None:
        bins = ColourBins(0.5).double()
        z = torch.rand(1, len(bins), 2, 2, dtype=torch.float64)
        z = z / z.sum(1, keepdim=True)
        for temperature in (1.0, 0.38, 0.01):
            share = torch.exp(z.log() / temperature)
            wanted = torch.einsum("nqhw,qc->nchw", share / share.sum(1, keepdim=True), gamut().double())
            torch.testing.assert_close(bins.annealed(z.log(), temperature), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rebalancing", [0.0, 0.5])
def test_one_step(stage: Any, check: Any, colours: Dataset, rebalancing: float) -> None:
    made = stage(recipe(rebalancing=rebalancing), colours)
    pictures = next(made.batches).main.double()
    generator, bins = made.method.generator, made.method.bins
    turn = next(made.turns())
    lab = lab_of((pictures + 1) / 2)
    chances = torch.softmax(generator(lab[:, :1] / 50 - 1), 1)
    middles = gamut().double()
    factors = bins.weights()  # of what was counted in this step: by another test they are the paper's
    assert float(bins.counts.sum()) == pytest.approx(3 * 8 * 12)
    losses = []
    for n in range(3):
        total = torch.zeros((), dtype=torch.float64)
        for h in range(8):
            for w in range(12):
                apart = ((middles - lab[n, 1:, h, w]) ** 2).sum(1)
                nearest = apart.argsort()[:5]
                soft = torch.exp(-apart[nearest] / 50)
                soft = soft / soft.sum()
                total = total - factors[nearest[0]] * (soft * chances[n, nearest, h, w].log()).sum()
        losses.append(total / 96)
    check(turn, "generator", generator, {"colours": torch.stack(losses)})


def test_lightness_stays_and_sizes_are_free(stage: Any, colours: Dataset) -> None:
    method = stage(recipe(), colours).method.eval()
    grey = torch.rand(2, 1, 7, 9, dtype=torch.float64) * 1.2 - 0.6
    with torch.no_grad():
        made = method.translate(grey, None, {"temperature": 1.0})
        assert made.shape == (2, 3, 7, 9) and made.abs().max() <= 1
        inside = (made.abs() < 0.999).all(1)
        assert inside.any()
        light = lab_of((made + 1) / 2)[:, 0], lab_of((grey.expand(-1, 3, -1, -1) + 1) / 2)[:, 0]
        torch.testing.assert_close(light[0][inside], light[1][inside], rtol=0, atol=1e-6)


def test_published_counts_of_the_network() -> None:
    from belamy.networks.zhang import Colouriser

    def convolution(incoming: int, outgoing: int, side: int = 3) -> int:
        return incoming * outgoing * side * side + outgoing

    plan = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
    plan += [(512, 512)] * 11
    whole = sum(convolution(a, b) for a, b in plan) + 2 * (64 + 128 + 256 + 4 * 512)
    whole += convolution(512, 256, 4) + 2 * convolution(256, 256) + convolution(256, 313, 1)
    network = Colouriser((1, 64, 64), 313)
    assert sum(each.numel() for each in network.parameters()) == whole == 32_235_385
    assert network(torch.zeros(1, 1, 37, 64)).shape == (1, 313, 10, 16)


def test_grey_data_are_refused(stage: Any) -> None:
    with pytest.raises(UsageError, match=r"learns from pictures in colour, but these have 1 channel\(s\)"):
        stage(recipe(), Dataset("grey", Memory(torch.zeros(24, 1, 8, 8, dtype=torch.uint8))))
