"""Flows: there and back, determinants by autograd, probabilities that sum to 1, 8 bits, and a step in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Sampling
from belamy.methods.flow import FLOWS, Method, Recipe, levels_of, prepared, restored
from belamy.networks.flow_levels import told_by
from belamy.networks.invertible import (
    ActNorm,
    Coupling,
    InvertibleBatchNorm,
    InvertibleConvolution,
    Squeeze,
    Standardisation,
    checkerboard,
    half_the_channels,
)
from belamy.registry import Part
from belamy.seeds import SampleDraws

NETWORKS = [
    "real-nvp:width=4,blocks=1", "real-nvp:width=4,blocks=1,levels=3", "real-nvp:width=4,blocks=1,levels=1",
    "real-nvp:width=4,blocks=1,affine=false,batch_norm=false",
    "glow:width=4,steps=2", "glow:width=4,steps=1,affine=false",
    "maf:layers=2,hidden=8x8", "maf:layers=2,hidden=8,batch_norm=false", "iaf:layers=2,hidden=8",
    "spline-flow:layers=2,hidden=8", "spline-flow:layers=2,hidden=8,mix=false,bins=3",
    "spline-flow:layers=2,hidden=8,coupling=false,reach=2",
]  # fmt: skip


def shaken(module: nn.Module, amount: float = 0.2) -> Any:
    """In double precision and evaluation, no weight at its beginning."""
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.data += amount * torch.randn_like(parameter)
    return module


def flow(text: str, shape: tuple[int, int, int], classes: int = 0, amount: float = 0.2) -> Any:
    torch.manual_seed(3)
    return shaken(FLOWS.build(Part.parse(text), shape=shape, classes=classes), amount)


def determinants(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """ln |det J| of each sample by itself.  # [N]"""
    found = []
    for row in x.split(1):
        jacobian = torch.autograd.functional.jacobian(function, row)
        found.append(torch.linalg.slogdet(jacobian.reshape(row.numel(), row.numel())).logabsdet)
    return torch.stack(found)


def layers() -> dict[str, Any]:
    torch.manual_seed(1)
    shape = (2, 4, 2)
    known = told_by(2, 4, 3, 1)
    return {
        "squeeze": Squeeze(),
        "affine": Coupling(checkerboard(shape, False), told_by(2, 4, 3, 0), affine=True),
        "other": Coupling(checkerboard(shape, True), known, affine=True),
        "additive": Coupling(half_the_channels(shape, True), told_by(2, 2, 3, 1), affine=False),
        "batch-norm": InvertibleBatchNorm(2),
        "actnorm": ActNorm(2),
        "convolution": InvertibleConvolution(2),
    }


@pytest.mark.parametrize("name", list(layers()))
def test_a_layer_is_invertible_and_knows_its_determinant(name: str) -> None:
    layer = shaken(layers()[name])
    if name == "batch-norm":
        layer.mean.normal_()
        layer.variance.uniform_(0.3, 2)
    x = torch.randn(3, 2, 4, 2, dtype=torch.float64)
    y, told = layer.there(x)
    assert told.shape == (3,)
    torch.testing.assert_close(layer.back(y), x, rtol=0, atol=1e-10)
    torch.testing.assert_close(determinants(lambda row: layer.there(row)[0], x), told, rtol=0, atol=1e-9)


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("classes", [0, 3])
def test_a_network_is_invertible_and_knows_its_determinant(text: str, classes: int) -> None:
    network = flow(text, (1, 4, 4), classes)
    x, labels = torch.randn(2, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 2]) if classes else None
    z, told = network(x, labels)
    assert z.shape == (2, 16)
    torch.testing.assert_close(network.inverse(z, labels), x, rtol=0, atol=1e-10)
    expected = [
        determinants(lambda row, own=None if labels is None else labels[i : i + 1]: network(row, own)[0], x[i : i + 1])
        for i in range(2)
    ]
    torch.testing.assert_close(torch.cat(expected), told, rtol=0, atol=1e-9)
    if classes:
        assert (network(x, labels.flip(0))[0] - z).abs().max() > 1e-3


@pytest.mark.parametrize("text", NETWORKS)
def test_in_single_precision_too(text: str) -> None:
    shape = (3, 8, 8) if text.startswith(("real", "glow")) else (6,)
    network = flow(text, shape, amount=0.05).float()
    x = torch.rand(4, *shape) * 2 - 1
    with torch.no_grad():
        assert (network.inverse(network(x)[0]) - x).abs().max() < 1e-5


@pytest.mark.parametrize("affine", [True, False])
@torch.no_grad()
def test_the_density_of_two_pixels_integrates_to_one(affine: bool) -> None:
    network = flow(f"real-nvp:width=4,blocks=1,levels=1,affine={affine}", (1, 1, 2))
    axis = torch.linspace(-14, 14, 561, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis).view(-1, 1, 1, 2)
    z, told = network(grid)
    density = (told - 0.5 * z.square().sum(1)).exp() / (2 * math.pi)
    assert float(density.sum()) * 0.05**2 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.05, 1e-6])
def test_a_uniform_density_has_eight_bits(alpha: float) -> None:
    torch.manual_seed(0)
    x = torch.randint(0, 256, (5, 3, 4, 4)).double()
    values, told = prepared(x, torch.rand_like(x), alpha)
    if alpha:  # the density of the logit of what is uniform from alpha to 1 - alpha
        share = values.sigmoid()
        own = (share * (1 - share) / (1 - 2 * alpha)).log().flatten(1).sum(1)
    else:  # uniform from -1 to 1
        own = torch.full((5,), -48 * math.log(2), dtype=torch.float64)
    bits = -(own + told) / (48 * math.log(2))
    torch.testing.assert_close(bits, torch.full((5,), 8.0).double(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_pictures_come_back(alpha: float) -> None:
    images = (torch.arange(256).float() / 127.5 - 1).view(1, 1, 16, 16)
    noise = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    for each in (noise, torch.zeros_like(noise), torch.full_like(noise, 0.999)):
        again = restored(prepared(levels_of(images), each, alpha)[0], alpha)
        assert (levels_of(again) - levels_of(images)).abs().max() <= (0 if 0 < float(each.min()) < 0.9 else 1)
    values = torch.randn(2, 1, 2, 2, dtype=torch.float64)
    expected = determinants(lambda x: prepared(x, torch.zeros_like(x), alpha)[0], values.abs() * 60)
    torch.testing.assert_close(prepared(values.abs() * 60, torch.zeros_like(values), alpha)[1], expected)


def test_actnorm_begins_with_mean_0_and_variance_1() -> None:
    torch.manual_seed(0)
    x = 3 * torch.randn(50, 4, 2, 2, dtype=torch.float64) + torch.arange(4.0)[:, None, None]
    layer = ActNorm(4).double()
    layer.begin(x)
    y, _ = layer.there(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(4).double(), rtol=0, atol=1e-12)


def test_a_network_begins_by_data() -> None:
    pixels = torch.randint(0, 90, (60, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    method: Any = Method(Recipe(network=Part.parse("glow:steps=2,width=4")), DataSpec.pictures((1, 4, 4)))
    seen = []
    for layer in method.network.modules():
        if isinstance(layer, ActNorm):
            there = layer.there
            layer.there = lambda x, there=there: seen.append(there(x)) or seen[-1]
    method.measure_data(Dataset("dark", Memory(pixels)))
    assert len(seen) == 4
    for y, _ in seen:
        assert y.mean((0, 2, 3)).abs().max() < 1e-4 and (y.var((0, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_batch_norm_in_training_takes_the_batch_and_keeps_running_means() -> None:
    torch.manual_seed(0)
    layer = InvertibleBatchNorm(2, eps=1e-3, momentum=0.25).double()
    x = torch.randn(6, 2, 3, 2, dtype=torch.float64) * 2 + 1
    y, told = layer.there(x)
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    torch.testing.assert_close(y, (x - mean[:, None, None]) / (variance[:, None, None] + 1e-3).sqrt())
    torch.testing.assert_close(told, (-3 * (variance + 1e-3).log().sum()).expand(6))
    torch.testing.assert_close(layer.mean.flatten(), 0.25 * mean)
    torch.testing.assert_close(layer.variance.flatten(), 0.75 + 0.25 * variance)
    layer.eval()
    y, told = layer.there(x)
    torch.testing.assert_close(layer.back(y), x)
    torch.testing.assert_close(told, (-3 * (layer.variance + 1e-3).log().sum()).expand(6))


def test_a_convolution_begins_as_a_rotation() -> None:
    torch.manual_seed(0)
    matrix = InvertibleConvolution(6).double().matrix()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(6).double(), rtol=0, atol=1e-5)


def test_what_is_told_by_another_half_is_standardised() -> None:
    torch.manual_seed(0)
    layer = shaken(Standardisation((2, 2, 2), nn.Conv2d(2, 4, 1)))
    known, y = torch.randn(3, 2, 2, 2).double(), torch.randn(3, 2, 2, 2).double()
    z, told = layer.there(y, known)
    mean, spread = layer.network(known).chunk(2, 1)
    wanted = torch.distributions.Normal(mean, spread.exp()).log_prob(y).flatten(1).sum(1)
    own = torch.distributions.Normal(0, 1).log_prob(z).flatten(1).sum(1)
    torch.testing.assert_close(own + told, wanted)
    torch.testing.assert_close(layer.back(z, known), y)


def test_a_step_minimises_the_nats_of_pictures_with_noise(
    stage: Callable[..., Any], check: Callable[..., None]
) -> None:
    pixels = torch.randint(0, 256, (24, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    recipe = Recipe(network=Part.parse("glow:steps=1,width=4"), batch=6, train_samples=60, clip_norm=None)
    found = stage(recipe, Dataset("noise", Memory(pixels)))
    x = pixels[next(found.batches).indices].double()
    for turn in found.turns():
        noise = found.numbers().uniform("dequantisation", 6, 1, 4, 4)
        shares = 0.05 + 0.9 * (x + noise) / 256
        z, told = found.method.network((shares / (1 - shares)).log())
        told = told + (0.9 / 256 / (shares * (1 - shares))).log().flatten(1).sum(1)
        own = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
        check(turn, "model", found.method.network, {"nats": -(own + told)}, {"nats": 1 / 16})


@torch.no_grad()
def test_latents_make_the_picture_again_and_temperature_scales_them() -> None:
    torch.manual_seed(0)
    method = shaken(Method(Recipe(network=Part.parse("glow:steps=2,width=4")), DataSpec.pictures((1, 4, 4))))
    images = (torch.randint(0, 256, (5, 1, 4, 4)).double() / 127.5) - 1
    torch.testing.assert_close(method.reconstruct(images), images, rtol=0, atol=1e-9)
    latents = method.latents(0, range(3)).double()
    half = method.generate(latents, sampling=Sampling(SampleDraws(0, range(3)), options={"temperature": 0.5}))
    assert torch.equal(half, method.generate(latents * 0.5))
    with pytest.raises(UsageError, match="one pass"):
        method.generate(latents, sampling=Sampling(SampleDraws(0, range(3)), steps=3))


@torch.no_grad()
def test_a_class_conditional_density() -> None:
    torch.manual_seed(0)
    method = shaken(Method(Recipe(conditional=True, network=Part.parse("glow:steps=1,width=4")),
                           DataSpec.pictures((1, 4, 4), ("a", "b"))))  # fmt: skip
    images, numbers = torch.zeros(2, 1, 4, 4).double(), torch.arange(2)
    draws = SampleDraws(0, [0, 0])
    told = [method.log_prob(Batch.of(images, torch.full((2,), each), numbers), draws) for each in (0, 1)]
    assert told[0][0] == told[0][1] and (told[0] - told[1]).abs().min() > 1e-3
    with pytest.raises(UsageError, match="conditional"):
        method.log_prob(Batch.of(images, None, numbers), SampleDraws(0, [0, 1]))


@pytest.mark.parametrize(
    ("text", "shape", "says"),
    [("glow", (1, 6, 8), "halves the sides 2 times. Choose --size 4"),
     ("real-nvp:levels=2", (1, 5, 5), "Choose --size 4"),
     ("glow:steps=0", (1, 8, 8), "steps is 0, but it must be 1 to 64"), ("real-nvp:width=0", (1, 8, 8), "width is 0")],
)  # fmt: skip
def test_wrong_networks(text: str, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        FLOWS.build(Part.parse(text), shape=shape, classes=0)


def test_wrong_data() -> None:
    with pytest.raises(UsageError, match="have none"):
        Method(Recipe(conditional=True), DataSpec.pictures((1, 4, 4)))


def test_the_way_there_and_back_is_measured() -> None:
    spec = DataSpec.pictures((1, 4, 4))
    torch.manual_seed(0)
    method: Any = shaken(Method(Recipe(network=Part.parse("real-nvp:width=4,blocks=1"), size=4), spec), 0.1)
    batch = Batch.of(torch.rand(3, 1, 4, 4, dtype=torch.float64) * 2 - 1, None, torch.arange(3))
    found = method.round_trip(batch, SampleDraws(0, range(3)))
    assert found["data"].max() < 1e-9 and found["latents"].max() < 1e-9
    values, _ = method.seen(batch.main, SampleDraws(0, range(3)))
    told = determinants(lambda x: method.network(x)[0], values)
    torch.testing.assert_close(found["stretch"], told / 16)
    inverse = method.network.inverse
    method.network.inverse = lambda latents, labels=None: inverse(latents, labels) + 0.5
    spoilt = method.round_trip(batch, SampleDraws(0, range(3)))
    torch.testing.assert_close(spoilt["data"], torch.full_like(spoilt["data"], 0.5) / values.std())
    assert spoilt["latents"].min() > 0.1


@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_noise_is_a_third_of_a_level_apart_from_draw_to_draw(alpha: float) -> None:
    recipe = Recipe(network=Part.parse("real-nvp:width=4,blocks=1"), size=32, logit_alpha=alpha)
    method: Any = Method(recipe, DataSpec.pictures((1, 32, 32))).double()
    batch = Batch.of(torch.rand(4, 1, 32, 32, dtype=torch.float64) * 1.8 - 0.9, None, torch.arange(4))
    assert method.round_trip(batch, SampleDraws(0, range(4)))["noise"] == pytest.approx(1 / 3, abs=0.03)
    seen = method.seen
    method.seen = lambda main, draw: seen(main, SampleDraws(5, range(4)))
    assert method.round_trip(batch, SampleDraws(0, range(4)))["noise"].max() < 1e-9
