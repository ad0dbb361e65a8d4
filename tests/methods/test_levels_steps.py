"""Autoregressive models of pictures: a step in float64, probabilities that sum to 1, and pictures drawn as they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods import autoregressive, made
from belamy.methods.base import Continues, Evaluates, HasLikelihood, Samples, Sampling
from belamy.modalities.fields import DataSpec, Field
from belamy.registry import Part
from belamy.sampling.draw import draw
from belamy.seeds import Draws, SampleDraws

GATED = Part(name="gated-pixel-cnn", width=4, depth=2, first=3)
MASKED = Part(name="pixel-cnn", width=3, depth=2, first=3)
MIXTURE = Part(name="logistic-mixture", components=2, levels=16)


def model(recipe: Any, shape: tuple[int, int, int], classes: tuple[str, ...] = (), noise: float = 0.3) -> Any:
    torch.manual_seed(2)
    kind: Any = autoregressive.Method if isinstance(recipe, autoregressive.Recipe) else made.Method
    built = kind(recipe, DataSpec.pictures(shape, classes)).double().eval()
    for parameter in built.parameters():
        parameter.data += noise * torch.randn_like(parameter)
    return built


def nats_of_all(method: Any, count: int, levels: int, labels: Tensor | None = None) -> Tensor:
    every = torch.tensor(list(product(range(levels), repeat=count))).view(-1, *method.spec.shape)
    told = None if labels is None else labels.expand(len(every))
    with torch.no_grad():
        return torch.cat([
            method.nats(part, None if told is None else told[: len(part)]) for part in every.split(1 << 14)
        ])  # fmt: skip


SPACES: list[tuple[Any, tuple[int, int, int]]] = [
    (autoregressive.Recipe(network=GATED), (1, 3, 4)),
    (autoregressive.Recipe(network=MASKED), (1, 4, 3)),
    (autoregressive.Recipe(network=Part(name="pixel-rnn", width=3, depth=2, first=3)), (1, 4, 3)),
    (autoregressive.Recipe(network=Part(name="pixel-rnn", memory="row", width=3, depth=2, first=3)), (1, 3, 4)),
    (autoregressive.Recipe(network=GATED), (3, 2, 2)),
    (autoregressive.Recipe(network=GATED, likelihood=Part(name="categorical", levels=16)), (3, 1, 1)),
    (autoregressive.Recipe(network=MASKED, likelihood=MIXTURE), (1, 1, 3)),
    (made.Recipe(hidden=(9, 7), orders=3), (1, 3, 4)),
    (made.Recipe(hidden=(9,), orders=2, likelihood=Part(name="categorical", levels=16)), (3, 1, 1)),
    (made.Recipe(hidden=(9,), likelihood=MIXTURE), (1, 1, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("recipe", "shape"), SPACES)
def test_probabilities_of_all_pictures_sum_to_one(recipe: Any, shape: tuple[int, int, int]) -> None:
    method = model(recipe, shape)
    nats = nats_of_all(method, math.prod(shape), method.law.levels)
    assert len(nats) == 4096 and float((-nats).exp().sum()) == pytest.approx(1, abs=1e-12)
    assert float(nats.std()) > 0.1


@pytest.mark.parametrize("likelihood", ["categorical", "logistic-mixture:components=3"])
@torch.no_grad()
def test_probabilities_of_three_pixels_of_eight_bits_sum_to_one(likelihood: str) -> None:
    """2^24 pictures: of each first pixel the second's, of some of those the third's, which are all that there is."""
    method = model(autoregressive.Recipe(network=GATED, likelihood=Part.parse(likelihood)), (1, 1, 3))
    every = torch.arange(256)
    for first, second in ((0, 0), (3, 200), (255, 17)):
        pictures = torch.stack([torch.full((256,), first), torch.full((256,), second), every], 1).view(-1, 1, 1, 3)
        parameters = method.head(method.network(method.shown(pictures, torch.float64)), pictures)
        told = method.law.log_prob(parameters, pictures)[:, 0, 0]
        assert float(told[:, 2].exp().sum()) == pytest.approx(1, abs=1e-12)
        assert torch.equal(told[:, :2], told[:1, :2].expand(256, 2))
        assert float((method.nats(pictures) + told.sum(1)).abs().max()) < 1e-12
        for place, before in ((0, []), (1, [first])):
            rows = torch.tensor([[*before, level, *[0] * (2 - place)] for level in range(256)]).view(-1, 1, 1, 3)
            told = method.law.log_prob(method.head(method.network(method.shown(rows, torch.float64)), rows), rows)[
                :, 0, 0
            ]
            assert float(told[:, place].exp().sum()) == pytest.approx(1, abs=1e-12)


def test_a_network_that_knows_nothing_has_eight_bits() -> None:
    method = model(autoregressive.Recipe(network=GATED, likelihood=Part(name="categorical")), (3, 4, 4), noise=0)
    for parameter in method.head.out.parameters():
        parameter.data.zero_()
    nats = method.nats(torch.randint(0, 256, (5, 3, 4, 4)))
    assert (nats / (48 * math.log(2))).tolist() == pytest.approx([8.0] * 5, abs=1e-12)


def test_channels_see_those_before_them() -> None:
    """By gradients: what is said of a channel depends on those of its pixel before it, and on no other of it."""
    method = model(autoregressive.Recipe(network=GATED, likelihood=Part(name="categorical", levels=4)), (3, 2, 2))
    levels = torch.randint(0, 4, (1, 3, 2, 2))
    hot = [torch.nn.functional.one_hot(levels[:, channel], 4).double().requires_grad_() for channel in range(3)]
    state = method.network(method.shown(levels, torch.float64)).movedim(1, -1)
    for channel in range(3):
        if channel:
            state = state + hot[channel - 1] @ method.head.told[channel - 1].weight
        told = method.head.out[channel](torch.relu(state))
        torch.testing.assert_close(
            told, method.head(method.network(method.shown(levels, torch.float64)), levels)[:, channel]
        )
        grads = torch.autograd.grad(told.square().sum(), hot, retain_graph=True, allow_unused=True)
        assert [grad is not None and bool(grad.any()) for grad in grads] == [other < channel for other in range(3)]


def by_hand(method: Any, values: Tensor) -> Tensor:
    """Nats of binary pictures from the logits, one pixel at a time; no pixel after it is there.  # [N]"""
    total = torch.zeros(len(values), dtype=torch.float64)
    flat = values.flatten(1)
    for place in range(flat.shape[1]):
        seen = torch.where(torch.arange(flat.shape[1]) < place, flat, 0.0).view_as(values)
        features = torch.relu(method.network(seen).flatten(2)[..., place])
        logit = (features * method.head.out[0].weight[0]).sum(1) + method.head.out[0].bias
        white = 1 / (1 + (-logit).exp())
        total = total - torch.where(flat[:, place] > 0, white, 1 - white).log()
    return total


@pytest.mark.parametrize("binarisation", ["threshold", "stochastic", "dynamic"])
def test_one_step(stage: Callable[..., Any], check: Callable[..., None], binarisation: str) -> None:
    pixels = torch.randint(0, 256, (24, 1, 3, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    recipe = autoregressive.Recipe(network=GATED, binarisation=binarisation, batch=6, train_samples=60, clip_norm=None)
    method = stage(recipe, Dataset("noise", Memory(pixels)))
    indices = next(method.batches).indices
    share = pixels[indices].double() / 255
    if binarisation == "threshold":
        white = pixels[indices] >= 128
    elif binarisation == "stochastic":  # of index i alone
        chance = torch.cat([SampleDraws(0, [index]).uniform("binarisation", 1, 1, 3, 3) for index in indices.tolist()])
        white = chance < share
    else:
        white = method.numbers().uniform("binarisation", 6, 1, 3, 3) < share
    nats = by_hand(method.method, 2.0 * white.double() - 1)
    check(next(iter(method.turns())), "model", method.method, {"nats": nats}, {"nats": 1 / 9})


def test_levels_of_pictures() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    batch = Dataset("all", Memory(every)).batch(torch.arange(1))
    for levels in (2, 3, 16, 256):
        recipe = autoregressive.Recipe(network=GATED, likelihood=Part(name="categorical", levels=levels),
                                       binarisation="threshold")  # fmt: skip
        method = model(recipe, (1, 16, 16))
        found = method.levels(batch, SampleDraws(0, [0])).flatten()
        assert found.tolist() == [value * levels // 256 for value in range(256)]
        assert method.shown(torch.tensor([0, levels - 1])).tolist() == [-1, 1]
    assert method.scored == "pictures of 8 bits"


def test_what_is_binarised_once_stays_and_what_is_afresh_does_not() -> None:
    batch = Batch.of(torch.zeros(3, 1, 8, 8), None, torch.tensor([5, 9, 5]))
    once = model(autoregressive.Recipe(network=GATED), (1, 8, 8))
    first, again = once.levels(batch, Draws(0, 0)), once.levels(batch, Draws(7, 3))
    assert torch.equal(first, again) and torch.equal(first[0], first[2]) and not torch.equal(first[0], first[1])
    afresh = model(autoregressive.Recipe(network=GATED, binarisation="dynamic"), (1, 8, 8))
    assert not torch.equal(afresh.levels(batch, Draws(0, 0)), afresh.levels(batch, Draws(0, 1)))
    assert once.scored.startswith("pictures binarised once") and "afresh" in afresh.scored


def naive(method: Any, chance: Tensor, labels: Tensor | None = None) -> Tensor:
    """Pictures by a whole pass for each pixel."""
    pixels = torch.zeros(len(chance), method.channels, method.height * method.width, dtype=torch.long)
    for place in range(pixels.shape[2]):
        values = method.shown(pixels, torch.float64).unflatten(2, (method.height, method.width))
        features = method.network(values, labels).flatten(2)[..., place]
        for channel in range(method.channels):
            parameters = method.head.of_channel(features, pixels[:, :channel, place])
            pixels[:, channel, place] = method.law.pick(parameters, chance[:, place, channel][:, None].squeeze(1))
    return pixels.unflatten(2, (method.height, method.width))


@pytest.mark.parametrize("network", [GATED, MASKED], ids=str)
@pytest.mark.parametrize("likelihood", ["bernoulli", "categorical:levels=5", "logistic-mixture:components=3"])
@torch.no_grad()
def test_pictures_are_those_of_the_naive_loop(network: Part, likelihood: str) -> None:
    recipe = autoregressive.Recipe(network=network, likelihood=Part.parse(likelihood), conditional=True)
    method = model(recipe, (2, 4, 3), ("a", "b", "c"))
    latents, labels = method.latents(3, range(4)).double(), torch.tensor([0, 1, 2, 0])
    quick = method.generate(latents, labels)
    assert torch.equal(quick, method.shown(naive(method, latents, labels), torch.float64))
    assert len(quick.unique(dim=0)) == 4
    assert isinstance(method, Samples) and isinstance(method, Evaluates)
    assert isinstance(method, HasLikelihood) and isinstance(method, Continues) and method.likelihood == "exact"


@torch.no_grad()
def test_draws_have_the_models_probabilities() -> None:
    method = model(autoregressive.Recipe(network=GATED), (1, 2, 2))
    count = 6000
    drawn = (method.generate(torch.rand(count, 4, 1, 1, generator=torch.Generator().manual_seed(0))) > 0).long()
    numbers = (drawn.flatten(1) * torch.tensor([8, 4, 2, 1])).sum(1)
    share = torch.bincount(numbers, minlength=16) / count
    wanted = (-nats_of_all(method, 4, 2)).exp()
    assert ((share - wanted).abs() < 4.5 * (wanted * (1 - wanted) / count).sqrt() + 1e-9).all()


@torch.no_grad()
def test_a_picture_goes_on() -> None:
    method = model(autoregressive.Recipe(network=GATED, conditional=True), (1, 4, 3), ("a", "b"))
    prefix = torch.tensor([0, 1, 1, 0, 1]).view(1, 5, 1).expand(3, 5, 1)
    labels = torch.tensor([0, 1, 0])
    whole = method.continuation(prefix, 7, Sampling(SampleDraws(5, range(3))), labels)
    assert whole.shape == (3, 12, 1) and torch.equal(whole[:, :5], prefix)
    alone = method.continuation(prefix[:1], 7, Sampling(SampleDraws(5, [1])), labels[1:2])
    assert torch.equal(alone, whole[1:2])
    chance = SampleDraws(5, range(3)).uniform("continuation", 3, 7, 1, 1)
    certain = torch.where(prefix > 0, 0.0, 1 - 1e-9)[..., None].float()  # draws what is given, almost surely
    drawn = naive(method, torch.cat([certain, chance], 1), labels).flatten(1)
    kept = (drawn[:, :5] == prefix[..., 0]).all(1)
    assert kept.any() and torch.equal(drawn[kept], whole[kept, :, 0])
    cold = [method.continuation(prefix, 7, Sampling(SampleDraws(seed, range(3)), options={"temperature": 0.0}), labels)
            for seed in (0, 1)]  # fmt: skip
    assert torch.equal(*cold)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="--conditional needs pictures with classes"):
        model(autoregressive.Recipe(network=GATED, conditional=True), (1, 4, 4))
    deep = DataSpec({"image": Field("image", (1, 4, 4), bits=16)})
    with pytest.raises(UsageError, match="takes pictures of 8 bits, but these have 16"):
        autoregressive.Method(autoregressive.Recipe(network=GATED), deep)
    method = model(autoregressive.Recipe(network=GATED, conditional=True), (1, 4, 4), ("a", "b"))
    with pytest.raises(UsageError, match="these pictures have no classes"):
        method.nats(torch.zeros(2, 1, 4, 4, dtype=torch.long))
    plain = model(autoregressive.Recipe(network=GATED), (1, 4, 4))
    with pytest.raises(UsageError, match="--steps chooses nothing"):
        draw(plain, 1, steps=3)
    with pytest.raises(UsageError, match="temperature is -1"):
        draw(plain, 1, options={"temperature": -1.0})
