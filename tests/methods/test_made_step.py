"""MADE: masks by gradients, a step in float64, probabilities averaged over orders, and pictures drawn as they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, Sampling
from belamy.methods.made import Method, Recipe
from belamy.networks.made import MaskedDense
from belamy.registry import Part
from belamy.seeds import SampleDraws

ORDERS = 3


def model(shape: tuple[int, int, int] = (1, 3, 3), classes: tuple[str, ...] = (), **fields: Any) -> Method:
    torch.manual_seed(2)
    recipe = Recipe(**{"hidden": (16, 12), "orders": ORDERS, **fields}, conditional=bool(classes))
    found = Method(recipe, DataSpec.pictures(shape, classes)).double().eval()
    for parameter in found.parameters():
        parameter.data += 0.4 * torch.randn_like(parameter)
    return found


@pytest.mark.parametrize("hidden", [(40,), (40, 30), (30, 30, 30)])
def test_a_value_is_told_by_those_before_it_in_the_order(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = MaskedDense(7, 2, hidden, ORDERS).double()
    assert network.places[0].tolist() == list(range(7)) and len(network.places.unique(dim=0)) == ORDERS
    values = torch.randn(20, 7, dtype=torch.float64, requires_grad=True)
    for order in range(ORDERS):
        told = network(values, order)
        places = network.places[order]
        for value in range(7):
            (gradient,) = torch.autograd.grad(told[:, value].square().sum(), values, retain_graph=True)
            seen, before = (gradient != 0).any(0), places < places[value]
            assert not seen[~before].any()
            assert len(hidden) > 1 or torch.equal(seen, before)  # degrees of later layers may begin above the first


def by_hand(method: Method, white: Tensor, order: int) -> Tensor:
    """Nats of binary pictures by one order, with masks written from the degrees.  # bool [N, D] to [N]"""
    network: Any = method.network
    places = network.places[order].tolist()
    units = [2.0 * each.double() - 1 for each in white.unbind(1)]
    degrees = places
    for number, layer in enumerate(network.layers):
        own = network.degrees(number)[order].tolist()
        units = [
            torch.relu(layer.bias[unit] + sum(
                (layer.weight[unit, k] * units[k] for k in range(len(units)) if own[unit] >= degrees[k]),
                torch.zeros(len(white)).double(),
            ))
            for unit in range(len(own))
        ]  # fmt: skip
        degrees = own
    total = torch.zeros(len(white), dtype=torch.float64)
    for value, place in enumerate(places):
        logit = network.out.bias[value] + sum(
            (network.out.weight[value, unit] * units[unit] for unit in range(len(units)) if place > degrees[unit]),
            torch.zeros(len(white)).double(),
        )
        chance = 1 / (1 + torch.exp(-logit))
        total = total - torch.where(white[:, value], chance, 1 - chance).log()
    return total


def test_steps_take_the_orders_in_turn(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    pixels = torch.randint(0, 256, (24, 1, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    recipe = Recipe(hidden=(7, 5), orders=2, binarisation="threshold", batch=6, train_samples=60, clip_norm=None)
    found = stage(recipe, Dataset("noise", Memory(pixels)))
    for step in range(2):
        white = (pixels[next(found.batches).indices] >= 128).flatten(1)
        nats = by_hand(found.method, white, step)
        for turn in found.turns():
            check(turn, "model", found.method.network, {"nats": nats}, {"nats": 1 / 6})


def test_probabilities_of_the_orders_are_averaged() -> None:
    method = model()
    every = torch.tensor(list(product((0, 1), repeat=9)))
    with torch.no_grad():
        each = torch.stack([(-by_hand(method, every > 0, order)).exp() for order in range(ORDERS)])
        told = (-method.nats(every.view(-1, 1, 3, 3))).exp()
    torch.testing.assert_close(told, each.mean(0), rtol=1e-10, atol=1e-14)
    assert float(told.sum()) == pytest.approx(1, abs=1e-12)
    assert (each[0] - each[1]).abs().max() > 1e-4


@torch.no_grad()
def test_draws_have_the_models_probabilities() -> None:
    method, count = model((1, 2, 2)), 6000
    drawn = (method.generate(torch.rand(count, 5, generator=torch.Generator().manual_seed(0))) > 0).long()
    share = torch.bincount((drawn.flatten(1) * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16) / count
    wanted = (-method.nats(torch.tensor(list(product((0, 1), repeat=4))).view(-1, 1, 2, 2))).exp()
    assert ((share - wanted).abs() < 4.5 * (wanted * (1 - wanted) / count).sqrt() + 1e-9).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "categorical:levels=5", "logistic-mixture:components=2,levels=9"])
@torch.no_grad()
def test_pictures_are_those_of_a_whole_pass_for_each_value(likelihood: str) -> None:
    method = model((2, 2, 3), ("a", "b"), likelihood=Part.parse(likelihood))
    latents, labels = method.latents(4, range(7)).double(), torch.tensor([0, 1, 0, 1, 1, 0, 0])
    quick = method.generate(latents, labels)
    assert len({int(each) for each in (latents[:, -1] * ORDERS).long()}) > 1
    for row in range(7):
        order = int(latents[row, -1] * ORDERS)
        values, chance = torch.zeros(1, 12, dtype=torch.long), latents[row, :-1].view(12, -1)
        for number, place in enumerate(method.network.places[order].argsort().tolist()):
            told = method.network(method.shown(values, torch.float64), order, labels[row : row + 1])
            values[:, place] = method.law.pick(told[:, place], chance[number][None])
        picture = values.view(2, 3, 2).permute(2, 0, 1)  # pixel by pixel, channels together
        assert torch.equal(quick[row], method.shown(picture, torch.float64))


@torch.no_grad()
def test_a_picture_goes_on_by_the_first_order() -> None:
    method = model((2, 2, 3))
    prefix = torch.tensor([[[0, 1], [1, 1]]])
    whole = method.continuation(prefix, 4, Sampling(SampleDraws(5, [0])))
    assert whole.shape == (1, 6, 2) and torch.equal(whole[:, :2], prefix)
    values, chance = whole.flatten(1).clone(), SampleDraws(5, [0]).uniform("continuation", 1, 4, 2, 1).view(8, 1)
    values[:, 4:] = 0
    for place in range(4, 12):
        told = method.network(method.shown(values, torch.float64), 0)
        values[:, place] = method.law.pick(told[:, place], chance[place - 4][None])
    assert torch.equal(values, whole.flatten(1))


@pytest.mark.parametrize("hidden", [(), (0,), (8, 1 << 20)])
def test_wrong_layers(hidden: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="it must name layers of 1 to 65,536 units"):
        model(hidden=hidden)
