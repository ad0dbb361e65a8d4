"""Averages of weights against the recursion written out."""

import pytest
import torch
from torch import nn

from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec
from belamy.training.averaging import Averages


class Toy(BaseMethod):
    averaged = ("network",)

    def __init__(self) -> None:
        super().__init__(BaseRecipe(), DataSpec.pictures((1, 2, 2)))
        self.network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.other = nn.Linear(2, 2)


def weights_at(step: int) -> torch.Tensor:
    return torch.randn(2, 3, generator=torch.Generator().manual_seed(step))


def test_the_recursion() -> None:
    method = Toy()
    averages = Averages(method, half_life=640)
    wanted = method.network[0].weight.detach().double().clone()
    for step in range(1, 31):
        with torch.no_grad():
            method.network[0].weight.copy_(weights_at(step))
        averages.update(samples=64 * step, step=64)
        beta = 2.0 ** (-64 / min(640, 64 * step / 10))
        wanted = beta * wanted + (1 - beta) * weights_at(step).double()
        torch.testing.assert_close(averages.networks["network"][0].weight.double(), wanted, atol=1e-6, rtol=1e-5)


def test_a_step_of_one_half_life_goes_half_the_way() -> None:
    method = Toy()
    averages = Averages(method, half_life=64)
    before = averages.networks["network"][0].weight.clone()
    with torch.no_grad():
        method.network[0].weight.add_(1.0)
    averages.update(samples=10**9, step=64)
    torch.testing.assert_close(averages.networks["network"][0].weight, before + 0.5)


@pytest.mark.parametrize("batch", [16, 64, 256])
def test_the_half_life_is_in_samples_whatever_the_batch(batch: int) -> None:
    method = Toy()
    averages = Averages(method, half_life=1024)
    before = averages.networks["network"][0].weight.clone()
    with torch.no_grad():
        method.network[0].weight.add_(1.0)
    for _ in range(1024 // batch):
        averages.update(samples=10**9, step=batch)
    torch.testing.assert_close(averages.networks["network"][0].weight, before + 0.5, atol=1e-5, rtol=1e-5)


def test_statistics_of_normalisation_are_averaged_alike_and_counters_copied() -> None:
    method = Toy()
    averages = Averages(method, half_life=64)
    before = averages.networks["network"][1].running_var.clone()
    method.network.train()(torch.randn(8, 3) * 5 + 1)
    averages.update(samples=10**9, step=64)
    ema_half_life, live = averages.networks["network"][1], method.network[1]
    torch.testing.assert_close(ema_half_life.running_var, (before + live.running_var) / 2)
    assert not torch.equal(ema_half_life.running_var, before)
    assert ema_half_life.num_batches_tracked == live.num_batches_tracked == 1


def test_the_average_takes_its_place_and_gives_it_back() -> None:
    method = Toy()
    averages = Averages(method, half_life=100)
    live = method.network
    with averages.in_place(method):
        assert method.network is averages.networks["network"]
        assert list(method.state_dict()) == list(Toy().state_dict())
    assert method.network is live


def test_the_average_gives_its_place_back_after_a_failure() -> None:
    method = Toy()
    averages = Averages(method, half_life=100)
    live = method.network
    with pytest.raises(TypeError), averages.in_place(method):
        method.network(None)
    assert method.network is live


def test_no_half_life_no_average() -> None:
    method = Toy()
    averages = Averages(method, half_life=0)
    averages.update(samples=64, step=64)
    assert averages.networks == {}
    assert averages.best(method)["network"] is method.network


def test_averages_learn_nothing_themselves() -> None:
    averages = Averages(Toy(), half_life=100)
    assert not any(parameter.requires_grad for parameter in averages.networks["network"].parameters())
