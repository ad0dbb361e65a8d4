"""Flows of points and vectors, and noise that a network chooses: densities that integrate to 1, bounds, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import Batch, open_data
from belamy.data.dataset import Dataset, Memory
from belamy.data.distributions import DISTRIBUTIONS
from belamy.errors import UsageError
from belamy.methods.base import DataSpec
from belamy.methods.flow import FLOWS, Method, Recipe, levels_of, prepared, stretched
from belamy.modalities.fields import Field
from belamy.networks.dequantiser import LEAST, Dequantiser
from belamy.networks.splines import AffineMap, SplineMap
from belamy.registry import Part
from belamy.seeds import SampleDraws

NETWORKS = ["maf:layers=3,hidden=8x8", "iaf:layers=2,hidden=8", "spline-flow:layers=2,hidden=8",
            "spline-flow:layers=2,hidden=8,coupling=false", "spline-flow:layers=2,hidden=8,mix=false"]  # fmt: skip


def shaken(module: Any, amount: float = 0.3) -> Any:
    torch.manual_seed(5)
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data += amount * torch.randn_like(parameter)
    return module


def points(low: float = -3.0, high: float = 5.0, **fields: Any) -> Any:
    """A method of points in the plane whose units are not those of networks."""
    field = Field("vector", (2,), ("x", "y"), facts={"low": [low, low], "high": [high, high]})
    torch.manual_seed(2)
    return Method(Recipe(network=Part.parse(NETWORKS[2])).changed(**fields), DataSpec({"vector": field}))


@pytest.mark.parametrize("kind", [AffineMap(), SplineMap(bins=5, reach=2.0), SplineMap(bins=2, reach=1.0)])
def test_a_map_of_numbers_rises_and_knows_its_slope(kind: Any) -> None:
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 101, dtype=torch.float64).view(-1, 1).requires_grad_()
    told = (2 * torch.randn(1, 1, kind.numbers, dtype=torch.float64)).expand(101, -1, -1)
    y, slope = kind.there(x, told)
    (wanted,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope.exp(), wanted, rtol=1e-9, atol=0)
    assert (y.diff(dim=0) > 0).all()
    torch.testing.assert_close(kind.back(y, told), x, rtol=0, atol=1e-10)


def test_a_spline_goes_through_its_knots_with_the_slopes_that_it_is_told() -> None:
    """By the paper: widths and heights are shares of 2 B; slopes within by softplus, 1 at the ends."""
    kind = SplineMap(bins=2, reach=3.0)
    told = torch.tensor([[[math.log(3.0), 0.0, 0.0, 0.0, 1.0]]], dtype=torch.float64)
    share = 0.001 + 0.998 * 0.75  # softmax of (ln 3, 0)
    place = torch.tensor([[6 * share - 3]], dtype=torch.float64)
    y, slope = kind.there(place, told)
    torch.testing.assert_close(y, torch.zeros(1, 1).double(), rtol=0, atol=1e-12)
    wanted = 0.001 + math.log1p(math.exp(1 + math.log(math.expm1(0.999))))
    torch.testing.assert_close(slope.exp(), torch.full((1, 1), wanted).double())
    edges = torch.tensor([[-3.0, 3.0]]).double()
    assert torch.equal(kind.there(edges, told.expand(-1, 2, -1))[0], edges)


@pytest.mark.parametrize("text", NETWORKS)
@torch.no_grad()
def test_the_density_in_the_plane_integrates_to_one(text: str) -> None:
    """To 1e-4 by sums over a grid of steps of 0.08; kinks of the networks are what is left."""
    network = shaken(FLOWS.build(Part.parse(text), shape=(2,)), 0.15)
    axis = torch.arange(-12, 12, 0.08, dtype=torch.float64)
    z, told = network(torch.cartesian_prod(axis, axis))
    density = (told - 0.5 * z.square().sum(1)).exp() / (2 * math.pi)
    assert float(density.sum()) * 0.08**2 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("text", NETWORKS[:2])
def test_a_masked_layer_sees_only_what_is_before(text: str) -> None:
    network = shaken(FLOWS.build(Part.parse(text + ",batch_norm=false"), shape=(4,)))
    layer = network.layers[0]
    x = torch.randn(1, 4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda row: layer.there(row, None)[0], x)[0, :, 0]
    assert torch.equal(jacobian.triu(1), torch.zeros_like(jacobian)) and (jacobian.tril(-1).abs() > 0).any()


@torch.no_grad()
def test_the_density_of_vectors_is_in_their_own_units() -> None:
    method = shaken(points(), 0.1)
    axis = torch.arange(-28, 32, 0.2, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    batch = Batch.of((grid - 1) / 4, None, torch.arange(len(grid)))
    told = method.log_prob(batch, SampleDraws(0, [0]))
    assert float(told.exp().sum()) * 0.2**2 == pytest.approx(1, abs=1e-4)
    assert method.likelihood == "exact" and "own units" in method.scored
    assert stretched({}) == 0.0


@torch.no_grad()
def test_vectors_come_back_and_have_latents() -> None:
    method = shaken(points())
    x = torch.rand(6, 2, dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(method.reconstruct(x), x, rtol=0, atol=1e-10)
    assert method.encode(x).shape == (6, 2) and method.generate(method.latents(0, range(3)).double()).shape == (3, 2)


def test_networks_of_pictures_take_no_vectors() -> None:
    assert Method.requires(Recipe()) == {"main": "image"}
    assert Method.requires(Recipe(network=Part(name="maf"))) == {"main": "vector/image"}
    with pytest.raises(UsageError, match="coupling=false"):
        FLOWS.build(Part(name="spline-flow"), shape=(1,))
    with pytest.raises(UsageError, match="Choose a smaller --size"):
        FLOWS.build(Part(name="maf"), shape=(3, 256, 256))


def test_points_are_drawn_of_their_distribution() -> None:
    data = open_data("points:of=ring,count=3000")
    assert (data.field.modality, data.field.classes, len(data)) == ("vector", ("x", "y"), 3000)
    ring = DISTRIBUTIONS.build(Part(name="ring"))
    found = torch.cdist(data.store.read(torch.arange(3000)), ring.centres).min(1)
    assert found.values.max() < 6 * ring.spread and len(found.indices.unique()) == 8


def pictures(dequantisation: str = "variational") -> Any:
    torch.manual_seed(4)
    recipe = Recipe(network=Part.parse("glow:steps=1,width=4"), dequantisation=dequantisation, dequantiser_width=4)
    return Method(recipe, DataSpec.pictures((1, 4, 4))).double()


def test_noise_chosen_as_uniform_gives_the_uniform_bound() -> None:
    """The network begins there: of one model both tell the same of every picture."""
    chosen, uniform = pictures(), pictures("uniform")
    uniform.network.load_state_dict(chosen.network.state_dict())
    batch = Batch.of(torch.rand(5, 1, 4, 4).double() * 2 - 1, None, torch.arange(5))
    told = [method.log_prob(batch, SampleDraws(0, range(5))) for method in (chosen, uniform)]
    torch.testing.assert_close(*told, rtol=0, atol=1e-8)
    assert (chosen.likelihood, uniform.likelihood) == ("bound", "exact") and "a network chose" in chosen.scored


def test_noise_lies_between_levels_and_its_density_is_that_of_its_jacobian() -> None:
    network = shaken(Dequantiser(1, 4))
    images, uniform = torch.rand(1, 1, 2, 2).double(), torch.rand(1, 1, 2, 2).double()
    noise, chosen = (each.detach() for each in network(images, uniform))
    assert float(noise.min()) > 0 and float(noise.max()) < 1
    jacobian = torch.autograd.functional.jacobian(lambda given: network(images, given)[0], uniform).reshape(4, 4)
    torch.testing.assert_close(chosen[0], -torch.linalg.slogdet(jacobian).logabsdet, rtol=0, atol=1e-8)
    ends = network(images, torch.tensor([0.0, 1.0, 0.5, 0.5]).view(1, 1, 2, 2).double())[0].detach()
    assert float(ends.min()) >= LEAST and float(ends.max()) <= 1 - LEAST
    assert torch.isfinite(network(images, torch.zeros_like(uniform))[1]).all()


def test_the_density_of_chosen_noise_integrates_to_one() -> None:
    """The mean of 1 / q(u | x) over draws of q is the volume in which u lies."""
    network = shaken(Dequantiser(1, 4), 0.1)
    with torch.no_grad():
        uniform = torch.rand(40_000, 1, 1, 2, generator=torch.Generator().manual_seed(1)).double()
        _, chosen = network(torch.full((40_000, 1, 1, 2), 0.3).double(), uniform)
    assert float((-chosen).exp().mean()) == pytest.approx(1, abs=0.02)


def test_a_step_teaches_the_noise_too(stage: Callable[..., Any]) -> None:
    pixels = torch.randint(0, 256, (24, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    recipe = Recipe(network=Part.parse("glow:steps=1,width=4"), dequantisation="variational", dequantiser_width=4,
                    batch=6, train_samples=60, clip_norm=None)  # fmt: skip
    found = stage(recipe, Dataset("noise", Memory(pixels)))
    x = pixels[next(found.batches).indices].double()
    method = found.method
    for turn, gradients in found.turns():
        uniform = found.numbers().uniform("dequantisation", 6, 1, 4, 4)
        noise, chosen = method.dequantiser(levels_of(x / 127.5 - 1) / 127.5 - 1, uniform.double())
        values, told = prepared(x, noise, 0.05)
        z, more = method.network(values)
        wanted: Tensor = chosen - told - more - torch.distributions.Normal(0, 1).log_prob(z).sum(1)
        torch.testing.assert_close(turn.terms["nats"], wanted)
        assert len(gradients) == len([*method.parameters()])
        last = {id(network[-1].weight) for network in method.dequantiser.networks}  # the others begin behind zeros
        learned = zip([*method.network.parameters(), *method.dequantiser.parameters()], gradients, strict=True)
        reached = [gradient for weight, gradient in learned if id(weight) in last]
        assert len(reached) == 4 and all(each is not None and each.abs().max() > 0 for each in reached)


def test_rows_of_a_file_have_a_density(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n" + "\n".join(f"{i},{i * i}" for i in range(40)))
    data = open_data(table, modality="vector")
    method = Method(Recipe(network=Part.parse("maf:layers=1,hidden=4")), data.spec)
    assert method.log_prob(data.batch(torch.arange(3)), SampleDraws(0, range(3))).shape == (3,)
