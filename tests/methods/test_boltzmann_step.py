"""Boltzmann machines: energies summed by hand, steps in float64, normalisers summed and annealed, samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.api.likelihood import Likelihoods
from belamy.data import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import DataSpec, HasNormaliser, Sampling
from belamy.methods.boltzmann import Method, Recipe
from belamy.networks.boltzmann import BoltzmannLayer
from belamy.networks.partition import Normaliser, annealed, summed, temperatures
from belamy.registry import Part
from belamy.seeds import SampleDraws, generator

DOUBLE = torch.float64


def machine(visible: int, hidden: int, spread: float = 0.7) -> BoltzmannLayer:
    torch.manual_seed(3)
    layer = BoltzmannLayer(visible, hidden).double().requires_grad_(False)
    for value in layer.state_dict().values():
        value.copy_(spread * torch.randn_like(value))
    layer.seen_mean.copy_(torch.rand(visible))
    layer.hidden_mean.copy_(torch.rand(hidden))
    return layer


def states(size: int) -> Tensor:
    return torch.tensor(list(product((0.0, 1.0), repeat=size)), dtype=DOUBLE)


def energies(layer: BoltzmannLayer, seen: Tensor, hidden: Tensor) -> Tensor:
    """By the formula, of every pair of states.  # [N, M]"""
    v, h = seen - layer.seen_mean, hidden - layer.hidden_mean
    return -((v @ layer.seen_bias)[:, None] + (h @ layer.hidden_bias)[None] + v @ layer.weight.T @ h.T)


class TestLayer:
    def test_the_free_energy_sums_the_hidden_units(self) -> None:
        layer = machine(4, 3)
        wanted = -(-energies(layer, states(4), states(3))).logsumexp(1)
        torch.testing.assert_close(layer.free_energy(states(4)), wanted, rtol=1e-12, atol=1e-12)

    def test_the_conditionals_are_those_of_the_energies(self) -> None:
        layer = machine(4, 3)
        chances = (-energies(layer, states(4), states(3))).exp()
        given_seen = chances / chances.sum(1, keepdim=True)
        torch.testing.assert_close(layer(states(4)).sigmoid(), given_seen @ states(3), rtol=1e-12, atol=1e-12)
        given_hidden = (chances / chances.sum(0)).T
        torch.testing.assert_close(layer.shown(states(3)).sigmoid(), given_hidden @ states(4), rtol=1e-12, atol=1e-12)

    def test_offsets_move_and_the_distribution_stays(self) -> None:
        layer = machine(4, 3)
        before = (-layer.free_energy(states(4))).log_softmax(0)
        layer.recentre(torch.rand(3), 0.7)
        torch.testing.assert_close((-layer.free_energy(states(4))).log_softmax(0), before, rtol=1e-12, atol=1e-12)

    def test_it_begins_with_the_means_of_the_data(self) -> None:
        layer, mean = BoltzmannLayer(5, 2), torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])
        layer.begin(mean)
        torch.testing.assert_close(layer.shown(layer.hidden_mean[None])[0].sigmoid(), mean.clamp(0.01, 0.99))


class TestNormaliser:
    @pytest.mark.parametrize(("visible", "hidden"), [(4, 3), (3, 4), (13, 5)])
    def test_it_is_summed(self, visible: int, hidden: int) -> None:
        layer = machine(visible, hidden)
        wanted = float((-energies(layer, states(visible), states(hidden))).flatten().logsumexp(0))
        assert summed(layer) == pytest.approx(wanted, abs=1e-10)

    @pytest.mark.parametrize("seed", range(4))
    def test_annealing_finds_the_sum_within_its_interval(self, seed: int) -> None:
        layer = machine(9, 6, spread=1.5)
        found = annealed(layer, layer.seen_mean, 60, 200, seed)
        assert found.low < summed(layer) < found.high < found.low + 1 and not found.exact

    def test_annealing_is_exact_of_a_machine_without_weights(self) -> None:
        layer = machine(9, 6)
        layer.weight.data.zero_()
        mean = layer.seen_bias.sigmoid().detach().clamp(0.01, 0.99)
        layer.seen_bias.data.copy_(mean.logit())
        found = annealed(layer, mean, 5, 7)
        assert found.value == pytest.approx(summed(layer), abs=1e-9)
        assert found.high - found.low < 1e-9

    def test_few_chains_cannot_tell_the_lower_end(self) -> None:
        layer = machine(20, 18, spread=4.0)
        found = annealed(layer, layer.seen_mean, 2, 3)
        assert found.low == -math.inf and math.isfinite(found.high)

    def test_temperatures_are_those_of_the_paper(self) -> None:
        found = temperatures(14_500)
        assert len(found) == 14_501 and (found.diff() > 0).all()
        assert found[[0, 500, 4500, 14_500]].tolist() == [0.0, 0.5, 0.9, 1.0]
        assert temperatures(3)[[0, -1]].tolist() == [0.0, 1.0]


def method_of(shape: tuple[int, int, int], *hidden: int, **fields: Any) -> Method:
    torch.manual_seed(1)
    found = Method(Recipe(hidden=hidden, binarisation="threshold", **fields), DataSpec.pictures(shape, ())).double()
    for parameter in found.parameters():
        parameter.data += 0.8 * torch.randn_like(parameter)
    return found.eval()


def every(shape: tuple[int, int, int]) -> Batch:
    pictures = 2 * states(math.prod(shape)).view(-1, *shape) - 1
    return Batch.of(pictures, None, torch.arange(len(pictures)))


@torch.no_grad()
def test_probabilities_of_all_pictures_sum_to_one() -> None:
    method, batch = method_of((1, 3, 3), 5), every((1, 3, 3))
    assert isinstance(method, HasNormaliser) and method.likelihood == "exact"
    told = method.log_prob(batch, SampleDraws(0, range(512)))
    assert float(told.exp().sum()) == pytest.approx(1, abs=1e-10)
    method.network.layers[0].weight.mul_(1.1)  # other weights, another normaliser
    assert float(method.log_prob(batch, SampleDraws(0, range(512))).exp().sum()) == pytest.approx(1, abs=1e-10)


@torch.no_grad()
def test_the_bound_of_a_stack_is_below_its_likelihood() -> None:
    method, batch = method_of((1, 2, 2), 4, 3), every((1, 2, 2))
    first, top = method.network.layers
    above = (-top.free_energy(states(4))).log_softmax(0)
    given = first.shown(states(4))
    each = (states(4)[:, None] * given - torch.nn.functional.softplus(given)).sum(2)  # ln p(v | h)
    exact = (each + above).logsumexp(1)
    assert float(exact.exp().sum()) == pytest.approx(1, abs=1e-10) and method.likelihood == "bound"
    logits = first(states(4))
    q = (states(4)[None] * logits[:, None] - torch.nn.functional.softplus(logits)[:, None]).sum(2)
    wanted = (q.exp() * (each + above - q)).sum(1)
    draws = [method.log_prob(batch, SampleDraws(seed, range(16))) for seed in range(400)]
    told, spread = torch.stack(draws).mean(0), torch.stack(draws).std(0) / 20
    assert ((told - wanted).abs() < 4.5 * spread + 1e-9).all() and (wanted < exact).all()


class ByHand:
    """The textbooks' quantities of a machine whose weights and offsets are these tensors."""

    def __init__(self, weight: Tensor, seen: Tensor, hidden: Tensor, mu: Tensor, lam: Tensor) -> None:
        self.weight, self.seen, self.hidden, self.mu, self.lam = weight, seen, hidden, mu, lam

    def logits(self, v: Tensor) -> Tensor:
        return self.hidden + (v - self.mu) @ self.weight.T

    def free(self, v: Tensor) -> Tensor:
        x = self.logits(v)
        return -(v - self.mu) @ self.seen - ((1 + x.exp()).log() - self.lam * x).sum(1)

    def gibbs(self, v: Tensor, chance: Callable[[int], Tensor]) -> Tensor:
        h = (chance(len(self.hidden)) < self.logits(v).sigmoid()).double()
        return (chance(len(self.seen)) < (self.seen + (h - self.lam) @ self.weight).sigmoid()).double()

    def products(self, v: Tensor) -> Tensor:
        return (self.logits(v).sigmoid() - self.lam).T @ (v - self.mu) / len(v)


@pytest.mark.parametrize("negative", ["cd", "pcd"])
def test_a_step_by_hand(negative: str, stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Two Gibbs steps with the step's numbers; the gradient is that of the difference of the free energies."""
    pixels = torch.randint(0, 256, (24, 1, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    recipe = Recipe(hidden=(4,), negative=negative, gibbs=2, chains=5, binarisation="threshold", batch=6, centring=0.2,
                    weight_decay=0.1, train_samples=60)  # fmt: skip
    found = stage(recipe, Dataset("noise", Memory(pixels)))
    layer, chains = found.method.network.layers[0], found.method.chains1.clone()
    white = (pixels >= 128).double().flatten(1)
    torch.testing.assert_close(layer.seen_mean, white[found.data.indices("train")].mean(0), rtol=1e-6, atol=1e-7)
    for step in range(2):
        values = white[next(found.batches).indices]
        w, a, b, mu, lam = (each.detach().clone() for each in layer.state_dict().values())
        now = lam + 0.2 * ((b + (values - mu) @ w.T).sigmoid().mean(0) - lam)
        old = ByHand(w, a + (now - lam) @ w, b, mu, now)
        numbers, random = found.numbers(step), generator(0, "chains1", step)
        drawn = values if negative == "cd" else chains
        for _ in range(2):
            drawn = old.gibbs(drawn, partial(numbers.uniform, "chains1", 6) if negative == "cd" else
                              partial(torch.rand, 5, generator=random, dtype=torch.float32))  # fmt: skip
        chains = drawn
        for turn in found.turns():
            torch.testing.assert_close(layer.seen_bias.detach(), old.seen, rtol=1e-9, atol=1e-12)
            new = ByHand(layer.weight, layer.seen_bias, layer.hidden_bias, mu, now)
            against = new.free(drawn) if negative == "cd" else new.free(drawn).mean()
            decay = (layer.weight**2).sum().expand(6) / 2
            check(turn, "machine1", layer, {"gap": new.free(values) - against, "decay": decay}, {"decay": 0.1})
            wanted = old.products(drawn) - old.products(values) + 0.1 * w
            torch.testing.assert_close(turn[1][0], wanted, rtol=1e-8, atol=1e-10)


def test_the_pseudo_likelihood_flips_a_pixel() -> None:
    method, batch = method_of((1, 2, 2), 3), every((1, 2, 2))
    free = method.network.layers[0].free_energy(states(4))

    class One:
        def __init__(self, share: float) -> None:
            self.share = share

        def uniform(self, stream: str, count: int, *shape: int) -> Tensor:
            return torch.full((count, *shape), self.share)

    numbers: list[Any] = [One(0.25 * pixel + 0.1) for pixel in range(4)]
    told = torch.stack([method.evaluate(batch, each)["loss"] for each in numbers]).mean(0)
    flipped = torch.stack([free[torch.arange(16) ^ (8 >> pixel)] for pixel in range(4)])
    wanted = -(torch.sigmoid(flipped - free).log()).sum(0)
    torch.testing.assert_close(told, wanted, rtol=1e-9, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("hidden", [(4,), (4, 3)])
def test_samples_have_the_models_probabilities(hidden: tuple[int, ...]) -> None:
    method, count = method_of((1, 2, 2), *hidden), 4000
    drawn = method.generate(torch.rand(count, 4, generator=torch.Generator().manual_seed(0)),
                            sampling=Sampling(SampleDraws(0, range(count)), 20)) > 0  # fmt: skip
    share = torch.bincount((drawn.flatten(1).long() * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16) / count
    top = method.network.layers[-1]
    wanted = (-top.free_energy(states(4))).softmax(0).float()
    if len(hidden) == 2:
        given = method.network.layers[0].shown(states(4)).sigmoid()
        each = torch.where(states(4)[:, None] > 0, given, 1 - given).prod(2)
        wanted = (each @ wanted.double()).float()
    assert ((share - wanted).abs() < 4.5 * (wanted * (1 - wanted) / count).sqrt() + 1e-9).all()


def test_a_stack_learns_and_goes_on(goes_on: Callable[..., None], stage: Callable[..., Any], noise: Dataset) -> None:
    recipe = Recipe(hidden=(12, 5), chains=6, batch=6, train_samples=60, optimizer=Part(name="sgd", momentum=0.9))
    goes_on(stage(recipe, noise).engine, stage(recipe, noise).engine, 2, 4)


@pytest.mark.parametrize("hidden", [(), (0,), (8, 1 << 20)])
def test_wrong_machines(hidden: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="it must name 1 to 16,384 units"):
        method_of((1, 2, 2), *hidden)


@pytest.mark.parametrize(
    ("found", "says", "within"),
    [
        (Normaliser(7.0, 7.0, 7.0, "summed"), "ln Z = 7.000, summed", [10.0, 10.0]),
        (Normaliser(7.0, 6.5, 7.25, "annealed"), "within three standard errors 9.50 to 10.25 nats", [9.5, 10.25]),
        (Normaliser(7.0, -math.inf, 7.25, "annealed"), "too few chains or temperatures", [None, 10.25]),
    ],
)
def test_what_score_says_of_a_normaliser(found: Normaliser, says: str, within: list[float | None]) -> None:
    told = Likelihoods("data", ("a", "b"), torch.tensor([9.0, 11.0]), torch.tensor([4, 4]), "dimension", "estimate",
                       scored="pictures", normaliser=found)  # fmt: skip
    assert "about 10.0000 nats each" in told.text() and "an estimate of the likelihood, of pictures" in told.text()
    assert says in told.text() and told.facts()["nats_within"] == within
