"""WaveNet: a layer by hand, a step in float64, probabilities that sum to 1, and sounds drawn as by the naive loop."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from belamy.data.batch import Batch
from belamy.errors import UsageError
from belamy.methods import autoregressive
from belamy.methods.base import Continues, HasLikelihood, Samples, Sampling
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.mu_law import levels_of, sounds_of
from belamy.networks.wavenet import PixelModel
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

NETWORK = Part(name="wavenet", width=4, skip=5, layers=3, cycles=2)
HOP, BANDS = 4, 3


def spec(samples: int, channels: int = 1) -> DataSpec:
    return DataSpec({
        "audio": Field("audio", (channels, samples), rate=16000.0, bits=16), "label": Field("category", (), ("a", "b"))
    })  # fmt: skip


def model(samples: int, channels: int = 1, **options: Any) -> Any:
    torch.manual_seed(2)
    recipe = autoregressive.Recipe(
        network=NETWORK, **{"likelihood": Part(name="categorical"), "conditional": True} | options
    )
    built = autoregressive.Method(recipe, spec(samples, channels)).double().eval()
    for parameter in built.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return built


def told(network: Any) -> Tensor:
    """Features of fixed sounds by sums over samples, layers and gaps, as the paper's equation says.  # [2, 5, 11]"""
    values, labels, spectrogram = given()
    weights = {name: value.detach() for name, value in network.named_parameters()}

    def sample(maps: Tensor, place: int) -> Tensor:
        return maps[..., place] if place >= 0 else torch.zeros_like(maps[..., 0])

    def over(name: str, taps: list[Tensor]) -> Tensor:
        found = sum(tap @ weights[f"{name}.weight"][..., number].T for number, tap in enumerate(taps))
        return found + weights.get(f"{name}.bias", 0.0)  # type: ignore[return-value]

    frames = torch.stack([over("context", [
        sample(spectrogram, place + shift) if place + shift < 3 else torch.zeros(2, BANDS).double()
        for shift in (-1, 0, 1)]) for place in range(3)], -1)  # fmt: skip
    maps = torch.stack([over("enter", [sample(values, t - 2), sample(values, t - 1)]) for t in range(11)], -1)
    total = torch.zeros(2, 5, 11).double()
    for number, gap in enumerate((1, 2, 4, 1, 2, 4)):
        following = maps.clone()
        for t in range(11):
            z = over(f"layers.{number}.read", [sample(maps, t - gap), maps[..., t]])
            z = z + weights[f"layers.{number}.classes.weight"][labels]
            z = z + frames[..., t // HOP] @ weights[f"layers.{number}.frames.weight"][..., 0].T
            made = over(f"layers.{number}.out", [z[:, :4].tanh() * z[:, 4:].sigmoid()])
            total[..., t] += made[:, -5:]
            if number < 5:
                following[..., t] = maps[..., t] + made[:, :4]
        maps = following
    return torch.stack([over("out", [total[..., t].relu()]) for t in range(11)], -1)


def given() -> tuple[Tensor, Tensor, Tensor]:
    """Sounds, classes and spectrograms."""
    numbers = torch.Generator().manual_seed(1)
    values = torch.rand(2, 1, 11, dtype=torch.float64, generator=numbers) * 2 - 1
    return values, torch.tensor([1, 0]), torch.randn(2, BANDS, 3, dtype=torch.float64, generator=numbers)


@torch.no_grad()
def test_layers_by_hand_and_a_step_is_a_whole_pass() -> None:
    torch.manual_seed(0)
    network = PixelModel((1, 11), 2, BANDS, HOP, **NETWORK.options).double().eval()
    values, labels, spectrogram = given()
    whole = network(values, labels, spectrogram)
    torch.testing.assert_close(whole, told(network), rtol=0, atol=1e-12)
    state, before = network.start(2, labels, spectrogram), None
    for place in range(11):
        torch.testing.assert_close(network.step(state, place, before), whole[..., place], rtol=0, atol=1e-12)
        before = values[..., place]
    assert network.reach == 2 + 2 * (1 + 2 + 4)
    other = network(values, labels, spectrogram + torch.eye(3)[2])  # the last frame and the one beside it are heard
    assert torch.equal(other[..., :4], whole[..., :4]) and (other != whole)[..., 4:].any(1).all()


def test_a_step_in_float64() -> None:
    """The nats of a batch are cross-entropies of the levels, and so are their gradients."""
    method, levels = model(16), torch.randint(0, 256, (3, 1, 16), generator=torch.Generator().manual_seed(0))
    sounds, labels = sounds_of(levels, 256, torch.float64), torch.tensor([0, 1, 1])
    batch = Batch({"audio": sounds, "label": labels}, torch.arange(3))
    (turn,) = method.play(iter([batch]), Draws(0, 0))
    features = method.network(levels.double() * 2 / 255 - 1, labels)
    logits = features.relu().transpose(1, 2) @ method.head.out[0].weight.T + method.head.out[0].bias
    wanted = cross_entropy(logits.transpose(1, 2), levels[:, 0], reduction="none").sum(1)
    torch.testing.assert_close(turn.terms["nats"], wanted, rtol=0, atol=1e-10)
    mine, theirs = (torch.autograd.grad(loss, list(method.parameters()), retain_graph=True)
                    for loss in (turn.total(), wanted.mean() / 16))  # fmt: skip
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert method.scored == "sounds in 256 levels of the µ-law" and method.likelihood == "exact"
    torch.testing.assert_close(method.log_prob(batch, SampleDraws(0, range(3))), -wanted, rtol=0, atol=1e-10)


@torch.no_grad()
def test_probabilities_of_all_sounds_sum_to_one() -> None:
    method = model(3, likelihood=Part(name="categorical", levels=12))
    every = torch.tensor(list(product(range(12), repeat=3))).view(-1, 1, 3)
    nats = method.nats(every, torch.ones(len(every), dtype=torch.long))
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-12) and float(nats.std()) > 0.1


@pytest.mark.parametrize("channels", [1, 2])
@torch.no_grad()
def test_sounds_are_those_of_the_naive_loop_and_go_on_as_they_began(channels: int) -> None:
    method = model(24, channels)
    latents, labels = method.latents(3, range(4)).double(), torch.tensor([0, 1, 1, 0])
    levels = torch.zeros(4, channels, 24, dtype=torch.long)
    for place in range(24):
        features = method.network(method.shown(levels, torch.float64), labels)[..., place]
        levels[..., place] = method.picked(method.head, features, latents[:, place], 1.0)
    quick = method.generate(latents, labels)
    assert torch.equal(quick, sounds_of(levels, 256, torch.float64)) and len(quick.unique(dim=0)) == 4
    assert isinstance(method, Samples) and isinstance(method, HasLikelihood) and isinstance(method, Continues)
    prefix = levels[..., :9].transpose(1, 2)
    cold = [method.continuation(prefix, 30, Sampling(SampleDraws(seed, range(4)), options={"temperature": 0.0}), labels)
            for seed in (0, 1)]  # fmt: skip
    assert torch.equal(*cold) and torch.equal(cold[0][:, :9], prefix) and cold[0].shape == (4, 39, channels)
    features = method.network(method.shown(method.picture(cold[0]), torch.float64), labels)
    likeliest = method.head(features, method.picture(cold[0])).argmax(-1)  # each given those before it
    assert torch.equal(likeliest[..., 9:], method.picture(cold[0])[..., 9:])


def test_the_mu_law() -> None:
    """f(x) by its formula; every level is the level of what it stands for; steps grow from 0.0002 to 0.04."""
    sounds = torch.linspace(-1, 1, 201, dtype=torch.float64)
    wanted = [
        round((math.copysign(math.log1p(255 * abs(x)) / math.log(256), x) + 1) / 2 * 255) for x in sounds.tolist()
    ]
    assert levels_of(sounds, 256).tolist() == wanted
    every = torch.arange(256)
    values = sounds_of(every, 256, torch.float64)
    assert torch.equal(levels_of(values, 256), every)
    torch.testing.assert_close(values, -values.flip(0), rtol=0, atol=1e-15)
    assert float(values.diff().min()) == pytest.approx(1.72e-4, rel=0.01)
    assert float(values.diff().max()) == pytest.approx(0.0426, rel=0.01)


def test_sounds_are_refused_two_levels_and_classes_that_are_not_there() -> None:
    with pytest.raises(UsageError, match=r"more levels than two. Type --likelihood categorical"):
        model(8, likelihood=Part(name="bernoulli"))
    bare = DataSpec({"audio": Field("audio", (1, 8), rate=16000.0, bits=16)})
    recipe = autoregressive.Recipe(network=NETWORK, likelihood=Part(name="categorical"), conditional=True)
    with pytest.raises(UsageError, match="--conditional needs sounds with classes"):
        autoregressive.Method(recipe, bare)
