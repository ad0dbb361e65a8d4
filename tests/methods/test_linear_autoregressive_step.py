"""AR(p): the density of whole series, its one maximum at the least squares, roots, units, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import Batch
from belamy.data.dataset import Dataset
from belamy.data.ranged import ranged
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Sampling
from belamy.methods.linear_autoregressive import Method, Recipe
from belamy.modalities.fields import Field
from belamy.networks.linear_autoregression import LinearAutoregression
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

A = torch.tensor([[[0.5, -0.2], [0.1, 0.4]], [[0.2, 0.1], [-0.3, 0.1]]], dtype=torch.float64)
L = torch.tensor([[0.3, 0.0], [-0.1, 0.2]], dtype=torch.float64)
C = torch.tensor([0.05, -0.1], dtype=torch.float64)


def simulated(count: int, steps: int) -> Tensor:
    """Series of two channels by A, L and C, from anywhere."""
    torch.manual_seed(4)
    made = list((0.5 * torch.randn(count, 2, 2)).double().unbind(1))
    for _ in range(steps - 2):
        made.append(C + made[-1] @ A[0].T + made[-2] @ A[1].T + torch.randn(count, 2).double() @ L.T)
    return torch.stack(made, 1)


def shaken(steps: int, channels: int, order: int) -> LinearAutoregression:
    torch.manual_seed(6)
    network = LinearAutoregression(steps, channels, order).double()
    network.begin(torch.randn(200, steps, channels).double().cumsum(1))
    for parameter in network.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return network


def least_squares(series: Tensor, order: int) -> tuple[Tensor, Tensor, Tensor]:
    """A_1 … A_p, c and the innovations' covariance, by the textbook."""
    past = torch.cat([series[:, order - i : series.shape[1] - i] for i in range(1, order + 1)], 2).flatten(0, 1)
    past, wanted = torch.cat([past, torch.ones(len(past), 1).double()], 1), series[:, order:].flatten(0, 1)
    found = torch.linalg.lstsq(past, wanted).solution.T
    left = wanted - past @ found.T
    return found[:, :-1].unflatten(1, (order, -1)).transpose(0, 1), found[:, -1], left.T @ left / len(left)


@torch.no_grad()
def test_the_density_is_that_of_the_whole_series_as_one_normal_vector() -> None:
    network = shaken(5, 2, 2)
    mean = network.inverse(torch.zeros(1, 10).double())[0].flatten()
    jacobian = network.inverse(torch.eye(10).double()).flatten(1).T - mean[:, None]  # it is affine
    whole = torch.distributions.MultivariateNormal(mean, jacobian @ jacobian.T)
    series = torch.randn(6, 5, 2).double()
    noise, told = network(series)
    density = told - 0.5 * noise.square().sum(1) - 5 * math.log(2 * math.pi)
    torch.testing.assert_close(density, whole.log_prob(series.flatten(1)), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(network.inverse(noise), series, rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_step_is_the_sum_of_those_before_it() -> None:
    network, series = shaken(7, 2, 3), torch.randn(4, 7, 2).double()
    noise = network(series)[0].unflatten(1, (7, 2))
    steps = network.coefficients()
    wanted = network.constant() + sum(series[:, 5 - i] @ steps[i - 1].T for i in (1, 2, 3))
    torch.testing.assert_close(series[:, 5], wanted + noise[:, 5] @ network.innovation.factor().T)


@pytest.mark.parametrize("known", range(6))
@torch.no_grad()
def test_what_goes_on_from_its_own_beginning_comes_back(known: int) -> None:
    """Also from fewer steps than the order, which the first steps' own distribution tells the others of."""
    network, noise = shaken(5, 2, 3), torch.randn(4, 5, 2).double()
    series = network.inverse(noise.flatten(1))
    torch.testing.assert_close(network.continued(series[:, :known], noise[:, known:]), series, rtol=0, atol=1e-10)


def test_the_likelihood_has_its_maximum_at_the_least_squares() -> None:
    """All gradients vanish where coefficients, covariances and the first steps' moments are those of the textbook."""
    series = simulated(50, 12)
    network = LinearAutoregression(12, 2, 2).double()
    network.begin(series)
    steps, constant, covariance = least_squares(series, 2)
    with torch.no_grad():
        scale = network.innovation.scale
        network.weight.copy_(torch.linalg.inv(scale) @ torch.cat([*steps], 1) @ torch.linalg.inv(network.whitening))
        gone = constant + torch.cat([*steps], 1) @ network.past_mean - network.innovation.mean
        network.innovation.shift.copy_(torch.linalg.inv(scale) @ gone)
        inner = torch.linalg.inv(scale) @ torch.linalg.cholesky(covariance)
        network.innovation.spread.copy_(inner.tril(-1) + torch.diag(inner.diagonal().log()))
    torch.testing.assert_close(network.coefficients(), steps)
    torch.testing.assert_close(network.constant(), constant)
    noise, told = network(series)
    gradients = torch.autograd.grad((0.5 * noise.square().sum(1) - told).mean(), list(network.parameters()))
    assert max(float(gradient.abs().max()) for gradient in gradients) < 1e-6


def opened(series: Tensor) -> Dataset:
    return ranged("series", "simulated", series.float(), columns=["a", "b"], licence="none")


def test_training_comes_to_the_least_squares() -> None:
    data = opened(simulated(300, 12))
    recipe = Recipe(order=2, train_samples=9600, batch=64).changed(optimizer="adam:lr=0.03,beta1=0.9")
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    while trainer.clock.samples < recipe.train_samples:
        trainer.step()
    network: Any = trainer.method.network
    steps, _, covariance = least_squares(data.batch(data.indices("train")).main.double(), 2)
    torch.testing.assert_close(network.coefficients().detach().double(), steps, rtol=0, atol=0.01)
    factor = network.innovation.factor().detach().double()
    torch.testing.assert_close(factor @ factor.T, covariance, rtol=0.05, atol=1e-3)


def test_the_largest_root_says_whether_it_is_stationary() -> None:
    network = LinearAutoregression(6, 1, 2).double()
    for first, second, wanted in ((0.9, 0.0, 0.9), (2 * 0.8 * math.cos(1), -0.64, 0.8), (1.5, -0.5, 1.0)):
        network.weight.data = torch.tensor([[first, second]]).double()
        assert float(network.largest_root().detach()) == pytest.approx(wanted, abs=1e-7)
    both = LinearAutoregression(6, 2, 2).double()
    both.weight.data = torch.cat([*A], 1)
    powers = torch.cat([torch.cat([*A], 1), torch.eye(2, 4).double()])
    wanted = float(torch.linalg.matrix_power(powers, 400).norm()) ** (1 / 400)
    assert float(both.largest_root().detach()) == pytest.approx(wanted, rel=0.01)


def test_nats_are_in_the_units_of_the_data() -> None:
    """Ten times the numbers: ln 10 more nats for each of them."""
    found = []
    for factor in (1.0, 10.0):
        data = opened(factor * simulated(40, 6))
        method = Method(Recipe(order=2), data.spec)
        method.measure_data(data)
        found.append(method.nats(data.batch(data.indices("train")).main).mean().detach())
    assert float(found[1] - found[0]) == pytest.approx(12 * math.log(10), rel=1e-4)


def test_samples_are_drawn_step_by_step_from_the_noise() -> None:
    data = opened(simulated(40, 6))
    method = Method(Recipe(order=2), data.spec)
    method.measure_data(data)
    latents = method.latents(3, range(5))
    made = method.generate(latents)
    assert made.shape == (5, 6, 2) and torch.equal(made[2], method.generate(latents[2:3])[0])
    colder = Sampling(SampleDraws(0, range(5)), options={"temperature": 0.0})
    still = method.generate(latents, sampling=colder)
    torch.testing.assert_close(still, still[:1].expand(5, 6, 2))
    facts = method.evaluate(Batch({"series": made}, torch.arange(5)), None)  # type: ignore[arg-type]
    assert set(facts) == {"loss", "bits_per_dimension", "largest_root"} and facts["largest_root"].shape == (5,)
    with pytest.raises(UsageError, match="--steps chooses nothing"):
        method.generate(latents, sampling=Sampling(SampleDraws(0, range(5)), 4))


def test_an_order_as_long_as_the_series_is_refused() -> None:
    with pytest.raises(UsageError, match=r"told by 1 to 5 steps before.*--order"):
        Method(Recipe(order=6), DataSpec({"series": Field("series", (6, 1))}))


def test_what_never_changes_has_a_density() -> None:
    network = LinearAutoregression(5, 2, 2)
    series = torch.randn(30, 5, 2)
    series[..., 1] = 0.5
    network.begin(series)
    noise, told = network(series)
    assert torch.isfinite(noise).all() and torch.isfinite(told).all()
