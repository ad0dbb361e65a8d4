"""Mapping network and style mixing against float64 computations by hand."""

import math

import pytest
import torch

from belamy.networks.equalised import EqualisedLinear
from belamy.networks.styled import MappingNetwork, crossover

DOUBLE = torch.float64


class TestMappingNetwork:
    def test_against_the_formula(self) -> None:
        made, z = MappingNetwork(6, 4, 3).double(), torch.randn(5, 6, dtype=DOUBLE)
        x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for layer in (part for part in made.layers if isinstance(part, EqualisedLinear)):
            x = x @ layer.weight.T * (0.01 * math.sqrt(2 / layer.in_features)) + 0.01 * layer.bias
            x = torch.where(x > 0, x, 0.2 * x)
        torch.testing.assert_close(made(z), x)

    def test_scale_of_the_latents_does_not_matter(self) -> None:
        made, z = MappingNetwork(6, 4, 2).double(), torch.randn(5, 6, dtype=DOUBLE)
        torch.testing.assert_close(made(z), made(7 * z), rtol=1e-6, atol=1e-8)

    def test_a_mean_that_forgets_a_two_hundredth_a_time(self) -> None:
        made = MappingNetwork(6, 4, 1).double()
        first, second = torch.randn(5, 4, dtype=DOUBLE), torch.randn(5, 4, dtype=DOUBLE)
        made.follow(first)
        made.follow(second)
        torch.testing.assert_close(made.mean, 0.995 * 0.005 * first.mean(0) + 0.005 * second.mean(0))

    def test_the_published_size(self) -> None:
        assert sum(weight.numel() for weight in MappingNetwork(512).parameters()) == 8 * (512 * 512 + 512)


class TestCrossover:
    def test_coarse_layers_stay_and_fine_ones_are_the_others(self) -> None:
        torch.manual_seed(0)
        first, second = torch.zeros(500, 6, 2), torch.ones(500, 6, 2)
        seen = crossover(first, second, 6, 1.0)[:, :, 0]
        points = (seen == 0).sum(1)
        assert all(torch.equal(row, (torch.arange(6) >= at).float()) for row, at in zip(seen, points, strict=True))
        assert points.unique().tolist() == [1, 2, 3, 4, 5]

    def test_only_within_the_active_layers(self) -> None:
        seen = crossover(torch.zeros(200, 6, 1), torch.ones(200, 6, 1), 3, 1.0)[:, :, 0]
        assert not seen[:, 0].any() and seen[:, 2:].all()
        assert torch.equal(crossover(torch.zeros(2, 6, 1), torch.ones(2, 6, 1), 1, 1.0), torch.zeros(2, 6, 1))

    def test_with_a_probability(self) -> None:
        torch.manual_seed(0)
        seen = crossover(torch.zeros(4000, 4, 1), torch.ones(4000, 4, 1), 4, 0.9)[:, 3, 0]
        assert float(seen.mean()) == pytest.approx(0.9, abs=0.02)
