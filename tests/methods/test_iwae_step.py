"""Variational autoencoders with a bound: steps in float64, the bound against sums over a grid of codes, and its K."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import Encodes, Evaluates, HasLikelihood, Reconstructs, Samples
from belamy.methods.iwae import Method, Recipe
from belamy.modalities.fields import DataSpec
from belamy.networks.stochastic import InverseFlow, log_normal
from belamy.registry import Part
from belamy.seeds import SampleDraws

SMALL: dict[str, Any] = {"hidden": (7, 6), "latent": 3, "binarisation": "threshold", "batch": 6, "clip_norm": None}


def noise_of_pixels() -> Dataset:
    pixels = torch.randint(0, 256, (24, 1, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels))


def model(**fields: Any) -> Method:
    torch.manual_seed(4)
    recipe = Recipe(**{**SMALL, **fields})
    built = Method(recipe, DataSpec.pictures((1, 2, 3), ())).double().eval()
    for parameter in built.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return built


def batch_of(white: Tensor) -> Batch:
    return Batch.of(white.double() * 2 - 1, None, torch.arange(len(white)))


def encoded(method: Any, white: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    seen = white.flatten(1).double() * 2 - 1
    first, second = method.encoder.tower[0], method.encoder.tower[2]
    features = F.relu(F.linear(F.relu(F.linear(seen, first.weight, first.bias)), second.weight, second.bias))
    mean, spread = method.encoder.mean, method.encoder.log_variance
    return features, F.linear(features, mean.weight, mean.bias), F.linear(features, spread.weight, spread.bias)


def reconstruction(method: Any, code: Tensor, white: Tensor) -> Tensor:
    chance = torch.sigmoid(method.decoder(code))
    return -torch.where(white.flatten(1), chance, 1 - chance).log().sum(-1)


def normal(values: Tensor, mean: Any, deviation: Any) -> Tensor:
    return torch.distributions.Normal(mean, deviation).log_prob(values).sum(-1)


def test_a_step_of_the_lower_bound(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Kingma & Welling, equation 10; the Kullback-Leibler term's weight has risen by a quarter of its way."""
    data = noise_of_pixels()
    found = stage(Recipe(**SMALL, warm_up=0.4, train_samples=60), data)
    found.engine.clock.samples = 6
    white = data.images(next(found.batches).indices) >= 128
    _, mean, spread = encoded(found.method, white)
    code = mean + (spread / 2).exp() * found.numbers().normal("code", 6, 1, 3)[:, 0]
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (spread / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    ).sum(1)
    terms = {"reconstruction": reconstruction(found.method, code, white), "kl": kl}
    for turn in found.turns():
        check(turn, "model", found.method, terms, {"reconstruction": 1 / 6, "kl": 0.25 / 6})


def test_a_step_of_the_importance_weighted_bound(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Burda et al., equation 8: the logarithm of the mean of four weights; its gradient is theirs, equation 14."""
    data = noise_of_pixels()
    found = stage(Recipe(**SMALL, importance=4, train_samples=60), data)
    white = data.images(next(found.batches).indices) >= 128
    _, mean, spread = encoded(found.method, white)
    noise, weights = found.numbers().normal("code", 6, 4, 3), []
    for k in range(4):
        code = mean + (spread / 2).exp() * noise[:, k]
        log_q = normal(code, mean, (spread / 2).exp())
        weights.append((normal(code, 0.0, 1.0) - log_q - reconstruction(found.method, code, white)).exp())
    for turn in found.turns():
        check(turn, "model", found.method, {"nats": -torch.stack(weights).mean(0).log()}, {"nats": 1 / 6})


def test_a_step_of_two_levels_and_a_flow(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """q(z2 | z1) q(z1 | x) against p(z2) p(z1 | z2); Kingma et al., algorithm 1, with the order turned around."""
    data = noise_of_pixels()
    recipe = Recipe(**SMALL, second=2, second_hidden=(5,), flow_steps=2, flow_hidden=9, train_samples=60)
    found = stage(recipe, data)
    method = found.method
    white = data.images(next(found.batches).indices) >= 128
    features, mean, spread = encoded(method, white)
    noise = found.numbers().normal("code", 6, 1, 5)[:, 0]
    code = mean + (spread / 2).exp() * noise[:, :3]
    log_q = normal(code, mean, (spread / 2).exp())
    for step in method.flow.steps:
        shift, scale = step(code, labels=features).unbind(-1)
        gate = torch.sigmoid(scale + 1.5)
        code, log_q = (gate * code + (1 - gate) * shift).flip(1), log_q - gate.log().sum(1)
    _, upper_mean, upper_spread = method.upper(code)
    above = upper_mean + (upper_spread / 2).exp() * noise[:, 3:]
    _, prior_mean, prior_spread = method.prior(above)
    log_q = log_q + normal(above, upper_mean, (upper_spread / 2).exp())
    log_p = normal(above, 0.0, 1.0) + normal(code, prior_mean, (prior_spread / 2).exp())
    terms = {"reconstruction": reconstruction(method, code, white), "kl": log_q - log_p}
    for turn in found.turns():
        check(turn, "model", method, terms, dict.fromkeys(terms, 1 / 6))


def test_the_flow_is_autoregressive_and_its_determinant_is_that_of_its_jacobian() -> None:
    torch.manual_seed(1)
    flow = InverseFlow(4, 5, 3, 16).double()
    values, context = torch.randn(1, 4, dtype=torch.float64), torch.randn(1, 5, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda given: flow(given, context)[0][0], values)[:, 0]
    torch.testing.assert_close(flow(values, context)[1][0], torch.linalg.slogdet(jacobian)[1], rtol=1e-10, atol=1e-12)
    one = torch.autograd.functional.jacobian(lambda given: flow.steps[0](given, labels=context)[0], values)[..., 0, :]
    assert not one.abs().sum(1).triu().any() and one.abs().sum(1).tril(-1).any()
    assert not torch.equal(flow(values, context)[0], flow(values, context + 1)[0])


@torch.no_grad()
def grid_nats(method: Any, white: Tensor) -> Tensor:
    """Nats by a sum over a fine grid of one-dimensional codes."""
    places = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    prior = (normal(places[:, None], 0.0, 1.0) + math.log(18 / 4000)).view(-1, 1)
    chances = -torch.stack([reconstruction(method, places[:, None], each[None]) for each in white], 1)
    return -(prior + chances).logsumexp(0)


def wide(bound: int) -> Method:
    """A model whose posteriors are not far from the prior, so that weights are few times as large as others."""
    method = model(latent=1, bound=bound)
    for head in (method.encoder.mean, method.encoder.log_variance):
        for parameter in head.parameters():
            parameter.data *= 0.3
    return method


@torch.no_grad()
def test_the_bound_rises_with_k_to_the_likelihood() -> None:
    every = torch.tensor(list(product((False, True), repeat=6))).view(-1, 1, 2, 3)
    method = wide(1)
    exact = grid_nats(method, every)
    assert float((-exact).exp().sum()) == pytest.approx(1, abs=1e-9)
    means = []
    for bound in (1, 2, 8, 64, 4096):
        wider = wide(bound)
        told = torch.stack([-wider.log_prob(batch_of(every), SampleDraws(seed, range(64))) for seed in range(6)])
        means.append(float((told - exact).mean()))
    assert all(before > after for before, after in pairwise(means)), means
    assert means[0] > 0.05 and abs(means[-1]) < 0.01, means
    assert wider.scored.endswith("importance-weighted with K = 4,096")


@torch.no_grad()
def test_parts_of_many_codes_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    white = batch_of(torch.rand(4, 1, 2, 3) > 0.5)
    method = model(bound=37, second=2)
    whole = method.log_prob(white, SampleDraws(0, range(4)))
    monkeypatch.setattr("belamy.methods.iwae.ROWS", 16)
    torch.testing.assert_close(method.log_prob(white, SampleDraws(0, range(4))), whole, rtol=1e-12, atol=1e-12)
    few = batch_of(white.main[1:2] > 0)
    torch.testing.assert_close(method.log_prob(few, SampleDraws(0, [1])), whole[1:2], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fields", [{}, {"second": 2}, {"flow_steps": 2, "second": 2}, {"flow_steps": 1}])
@torch.no_grad()
def test_pictures_from_latents_and_back(fields: dict[str, Any]) -> None:
    method = model(**fields, likelihood=Part.parse("categorical:levels=4"))
    images = torch.rand(5, 1, 2, 3, dtype=torch.float64) * 2 - 1
    latents = method.encode(images)
    assert latents.shape == method.latents(0, range(5)).shape
    code, _ = method.posterior(*(given := method.encoder(images.flatten(1))), torch.zeros_like(given[1])[None])
    chances = method.decoder(code[0]).unflatten(-1, (6, 4)).softmax(-1)
    shown = (chances @ torch.tensor([-1, -1 / 3, 1 / 3, 1], dtype=torch.float64)).view(5, 1, 2, 3)
    torch.testing.assert_close(method.reconstruct(images), shown, rtol=1e-9, atol=1e-9)
    assert isinstance(method, Samples) and isinstance(method, Evaluates) and isinstance(method, Encodes)
    assert isinstance(method, HasLikelihood) and isinstance(method, Reconstructs) and method.likelihood == "bound"


def test_density_of_normal_numbers() -> None:
    values, mean, deviation = torch.randn(3, 4).double(), torch.randn(4).double(), torch.rand(4).double() + 0.1
    told = log_normal(values, mean, 2 * deviation.log())
    torch.testing.assert_close(told, normal(values, mean, deviation), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fields", [{"hidden": ()}, {"second_hidden": (0,)}, {"hidden": (8, 1 << 20)}])
def test_wrong_layers_of_a_variational_autoencoder(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="it must name layers of 1 to 65,536 units"):
        model(**fields)
