"""What every form of weights promises, for networks of each kind."""

import copy
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from belamy.methods.construction import DISCRIMINATORS, GENERATORS, WEIGHTS
from belamy.networks.summary import summarize
from belamy.networks.surgery import weighted_layers
from belamy.registry import Part

SHAPE, LATENT = (3, 32, 32), 5
NETWORKS = [
    Part(name="dense-fashion"),
    Part(name="dcgan-cifar", features=2),
    Part(name="resnet-cifar", features=4),
    Part(name="digits", width=2, hidden=16),
    Part(name="sngan", features=4),
    Part(name="sagan", features=2),
    Part(name="r3gan", width=4, growth=2, blocks=1),
]


def build(role: str, network: Part, weights: str) -> Any:
    registry = GENERATORS if role == "generator" else DISCRIMINATORS
    made = registry.build(network, latent=LATENT, shape=SHAPE)
    WEIGHTS.build(Part(name=weights)).apply(made)
    return made


def feed(role: str) -> Tensor:
    return torch.randn(4, LATENT) if role == "generator" else torch.randn(4, *SHAPE)


def learn(network: nn.Module, x: Tensor, steps: int, optimizer: Any = None) -> Any:
    optimizer = optimizer or torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("network", NETWORKS, ids=lambda part: part.name)
@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("weights", WEIGHTS.names())
class TestWeights:
    def test_every_weighted_layer_takes_the_form(self, weights: str, role: str, network: Part) -> None:
        made = build(role, network, weights)
        layers = weighted_layers(made)
        plain = weighted_layers((GENERATORS if role == "generator" else DISCRIMINATORS).build(
            network, latent=LATENT, shape=SHAPE
        ))  # fmt: skip
        assert len(layers) == len(plain) > 1
        assert all(torch.nn.utils.parametrize.is_parametrized(layer, "weight") for layer in layers)
        learned = {id(parameter) for parameter in made.parameters()}
        assert all(id(layer.weight) not in learned for layer in layers)

    def test_a_resumed_training_is_bit_equal(self, weights: str, role: str, network: Part) -> None:
        x = feed(role)
        whole = build(role, network, weights)
        optimizer = learn(whole, x, 2)
        stored, kept = save({k: v.contiguous() for k, v in whole.state_dict().items()}), optimizer.state_dict()
        kept = copy.deepcopy(kept)
        learn(whole, x, 2, optimizer)
        resumed = build(role, network, weights)
        resumed.load_state_dict(load(stored))
        other = torch.optim.Adam(resumed.parameters(), 1e-3)
        other.load_state_dict(kept)
        learn(resumed, x, 2, other)
        for key, value in whole.state_dict().items():
            assert torch.equal(resumed.state_dict()[key], value), key

    def test_a_copy_follows_by_averaging(self, weights: str, role: str, network: Part) -> None:
        """As the averages of a run do: state by state; a full share gives the network itself, with its function."""
        live, x = build(role, network, weights), feed(role)
        ema_half_life = copy.deepcopy(live).requires_grad_(False).eval()
        before = ema_half_life(x)
        learn(live, x, 2)
        assert torch.equal(ema_half_life(x), before)
        with torch.no_grad():
            for mean, now in zip(ema_half_life.state_dict().values(), live.state_dict().values(), strict=True):
                mean.copy_(now)
        torch.testing.assert_close(ema_half_life(x), live.eval()(x))

    def test_is_traced_without_values_and_counted(self, weights: str, role: str, network: Part) -> None:
        made = build(role, network, weights)
        state = {key: value.clone() for key, value in made.state_dict().items()}
        table = summarize(made, tuple(feed(role).shape[1:]))
        assert table.trainable == sum(parameter.numel() for parameter in made.parameters())
        assert all(torch.equal(value, state[key]) for key, value in made.state_dict().items())

    def test_is_differentiable_twice(self, weights: str, role: str, network: Part) -> None:
        made, x = build(role, network, weights), feed(role).requires_grad_()
        (slope,) = torch.autograd.grad(made(x).sum(), x, create_graph=True)
        slope.square().sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)

    def test_evaluation_changes_nothing(self, weights: str, role: str, network: Part) -> None:
        made = build(role, network, weights).eval()
        state = {key: value.clone() for key, value in made.state_dict().items()}
        x = feed(role)
        assert torch.equal(made(x), made(x))
        assert all(torch.equal(value, state[key]) for key, value in made.state_dict().items())
