"""Densities of the probability flow: of bells by their formula, of any network by their integral."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods.base import HasLikelihood
from belamy.methods.diffusion import Method, Recipe
from belamy.modalities.fields import DataSpec, Field
from belamy.networks.preconditioning import Preconditioned
from belamy.networks.probability_flow import log_density
from belamy.seeds import SampleDraws

DOUBLE = torch.float64


class Dense(nn.Module):
    """A smooth network of two numbers and a level."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 2))
        for parameter in self.parameters():
            parameter.data *= 2

    def forward(self, x: Tensor, level: Tensor, labels: Tensor | None = None) -> Tensor:
        made: Tensor = self.layers(torch.cat([x.flatten(1), level[:, None]], 1))
        return made.view_as(x)


def shrink(x: Tensor, sigma: Tensor) -> Tensor:
    """The exact denoiser of N(0, 0.25)."""
    return 0.25 / (0.25 + sigma.square()) * x


@pytest.mark.parametrize("spread", [0.5, 1.3])
def test_of_a_bell(spread: float) -> None:
    x = torch.linspace(-2, 2, 9, dtype=DOUBLE)[:, None].expand(-1, 3)
    variance = 100.0**2 * (0.25 + 0.01**2) / (0.25 + 100.0**2)  # of what begins with standard deviation 100
    wanted = torch.distributions.Normal(0.0, math.sqrt(variance)).log_prob(x).sum(1)
    probe = torch.tensor([1.0, -1.0, 1.0], dtype=DOUBLE).expand(9, 3)  # the flow treats values alike, so one tells all
    for sign in (None, probe):
        found = log_density(shrink, x, 0.01, 100.0, spread=spread, steps=100, probe=sign)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_density_of_any_network_integrates_to_one() -> None:
    """Over a grid on the plane; what is generated need not look like any data for that."""
    network = Preconditioned(Dense(), "edm", 0.0, 0.5).double()
    side, step = 121, 0.075
    line = (torch.arange(side, dtype=DOUBLE) - side // 2) * step
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2, 1, 1)
    found = log_density(lambda x, s: network(x, s.expand(len(x))), grid, 0.05, 40.0, spread=0.5, steps=50)
    density = found.exp().reshape(side, side)
    assert float(density.sum() * step**2) == pytest.approx(1.0, abs=1e-6)
    edge = torch.stack([density[0], density[-1], density[:, 0], density[:, -1]])
    assert float(edge.max()) < 1e-9 and float(density.max() / density.median()) > 10


def test_probes_estimate_without_bias() -> None:
    network = Preconditioned(Dense(), "v", 0.0, 0.5).double()
    x, signs = torch.randn(5, 2, 1, 1, dtype=DOUBLE), torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=DOUBLE)
    found = [
        log_density(lambda x, s: network(x, s.expand(len(x))), x, 0.05, 40.0, probe=sign)
        for sign in (*signs.view(4, 1, 2, 1, 1).expand(4, 5, 2, 1, 1), None)
    ]
    torch.testing.assert_close(torch.stack(found[:4]).mean(0), found[4])  # all signs alike


def model(shape: tuple[int, int, int], **field: Any) -> Method:
    torch.manual_seed(0)
    made = Method(Recipe.tiny(), DataSpec({"image": Field("image", shape, **field)})).double().eval()
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return made


def test_a_picture_has_the_bits_of_its_levels() -> None:
    """A bell much wider than a level has, of each level, the density times its width."""
    method: Any = model((1, 4, 4))
    assert isinstance(method, HasLikelihood) and method.likelihood == "bound" and "8 bits" in method.scored
    for parameter in method.parameters():
        parameter.data.zero_()  # D is c_skip x: a bell of the data's spread
    levels = torch.randint(0, 256, (3, 1, 4, 4))
    batch = Batch({"image": levels.double() / 127.5 - 1}, torch.arange(3))
    deviation = 80 * math.sqrt((0.25 + 0.002**2) / (0.25 + 80**2))
    bell = torch.distributions.Normal(0.0, deviation)
    cells = bell.cdf((levels.double() + 0.5) / 127.5 - 1) - bell.cdf((levels.double() - 0.5) / 127.5 - 1)
    found = method.log_prob(batch, SampleDraws(0, range(3)))
    torch.testing.assert_close(found, cells.log().flatten(1).sum(1), rtol=0, atol=0.05)
    again = method.log_prob(batch.map(lambda x: x[1:]), SampleDraws(0, [1, 2]))
    torch.testing.assert_close(again, found[1:])


def test_larger_pictures_are_told_by_a_probe_and_floats_by_densities() -> None:
    large, floats = model((1, 12, 8)), model((1, 4, 4), bits=32)
    assert "one probe" in large.scored and "densities" in floats.scored and "probe" not in floats.scored
    for method in (large, floats):
        batch = Batch({"image": torch.rand(2, *method.spec.shape, dtype=DOUBLE)}, torch.arange(2))
        found = method.log_prob(batch, SampleDraws(0, range(2)))
        assert found.shape == (2,) and found.isfinite().all() and not found.requires_grad
