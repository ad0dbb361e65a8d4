"""Activation checkpointing: the same gradients to the bit from fewer kept activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import belamy
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import METHODS, BaseRecipe
from belamy.methods.requirements import check_fields
from belamy.networks.surgery import Handed
from belamy.runs.run import RECIPE_TYPES
from belamy.training.activations import Blocks
from belamy.training.distribution import World
from belamy.training.footprint import Footprint
from belamy.training.setup import Options, make_trainer, open_recipe_data, with_sides
from belamy.training.trainer import Trainer

VARIANTS: dict[str, dict[str, Any]] = {
    "batch normalisation": {"generator": "digits:width=2,hidden=8"},
    "conditional": {"generator": "digits:width=2,hidden=8", "generator_condition": "batch-norm"},
    "sampled dropout": {"generator": "digits:width=2,hidden=8", "generator_dropout": 0.3},
    "dropout": {"generator": "dcgan-32", "discriminator": "dcgan-32"},
    "spectral": {"generator": "dcgan-32", "discriminator": "dcgan-32", "discriminator_weights": ("spectral",)},
    "residual": {"generator": "r3gan:width=4,growth=1,group=8,blocks=1"},
    "lists": {"generator": "resnet-cifar:features=4", "discriminator": "resnet-cifar:features=4"},
    "generated in evaluation mode": {"generator": "digits:width=2,hidden=8", "fakes": "eval"},
    "simultaneous": {"generator": "digits:width=2,hidden=8", "turns": "simultaneous"},
}


def trainer(data: Dataset, chosen: BaseRecipe, recompute: bool, **options: Any) -> Trainer:
    given = Options(device="cpu", progress=False, recompute=recompute, **options)
    return make_trainer(chosen, data.spec, data, given, World())


def recipe(**fields: Any) -> BaseRecipe:
    penalties = ("gradient-penalty:weight=2", "r1:weight=1,every=2")
    usual = {"discriminator": "r3gan:width=4,growth=1,group=8,blocks=1", "penalties": penalties}
    return gan.Recipe(latent=8, batch=4, ema_half_life=50).changed(**{**usual, **fields})


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_buffers_and_losses_are_the_same_to_the_bit(variant: str) -> None:
    pixels = torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    noise = Dataset("noise", Memory(pixels), labels=torch.arange(12) % 3, classes=["a", "b", "c"])
    engines = [trainer(noise, recipe(**VARIANTS[variant]), recompute) for recompute in (False, True)]
    assert len(engines[1].blocks) >= 2
    for engine in engines:
        for _ in range(2):
            engine.step()
    plain, again = (engine.state().tensors for engine in engines)
    assert [name for name, tensor in plain.items() if not torch.equal(tensor, again[name])] == []


def test_a_block_runs_again_as_it_ran_before() -> None:
    """Random numbers, buffers, modes and what is handed down; and none of them moves the second time."""

    class Odd(nn.Module):
        count: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.inner, self.handed = nn.Linear(3, 3), Handed[float]()
            self.register_buffer("count", torch.zeros(()))
            self.seen: list[tuple[float, bool, float, float]] = []

        def forward(self, x: Tensor) -> Tensor:
            drawn = torch.rand(())
            self.count += 1
            self.seen.append((float(self.count), self.training, self.handed.get(), float(drawn)))
            return self.inner(x).tanh() * drawn * self.handed.get()

    network, blocks = nn.ModuleList([Odd()]), None
    odd = network[0]
    assert isinstance(odd, Odd)
    blocks = Blocks([network])
    x = torch.ones(2, 3, requires_grad=True)
    with odd.handed.during(0.5), blocks.recomputed():
        out = odd(x).sum()
    odd.eval()
    count = odd.count
    torch.manual_seed(9)
    (slope,) = torch.autograd.grad(out, x, create_graph=True)
    slope.square().sum().backward()
    assert len(odd.seen) >= 2 and set(odd.seen) == {odd.seen[0]}
    assert odd.count is count and float(count) == 1 and not odd.training
    assert float(torch.rand(())) == float(torch.rand((), generator=torch.Generator().manual_seed(9)))
    assert "forward" not in vars(odd)


def test_nothing_is_run_twice_without_gradients() -> None:
    layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1), nn.ReLU())
    calls: list[nn.Module] = []
    for layer in layers:
        layer.register_forward_hook(lambda part, *_: calls.append(part))
    blocks = Blocks([layers])
    with torch.no_grad(), blocks.recomputed():
        layers(torch.ones(4, 2))
    assert calls == list(layers)


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_with_blocks_takes_it(noise: Dataset, name: str) -> None:
    kind: Any = RECIPE_TYPES.load(name)
    chosen = kind.tiny().changed(batch=4)
    data = with_sides(chosen, noise)
    try:
        check_fields(METHODS.load(name), name, chosen, data.spec)
        plain = trainer(data, chosen, False)
    except UsageError:
        data = open_recipe_data(chosen, offline=True)
        plain = trainer(data, chosen, False)
    if not len(Blocks(player.module for player in plain.players.values())):
        with pytest.raises(UsageError, match=r"have no blocks .*\n?--checkpoint-activations"):
            trainer(data, chosen, True)
        return
    again = trainer(data, chosen, True)
    for engine in (plain, again):
        engine.step()
        engine.step()
    held = plain.state().tensors
    assert all(torch.equal(tensor, held[key]) for key, tensor in again.state().tensors.items())


def test_it_saves_what_it_is_for() -> None:
    """Of n equal blocks, what a hyperbolic tangent and a sigmoid gave is kept; then only the blocks' inputs are."""
    width, blocks, batch = 16, 8, 512
    layers: list[nn.Module] = []
    for _ in range(blocks):
        layers += [nn.Linear(width, width), nn.Tanh(), nn.Softplus(), nn.Sigmoid()]
    network = nn.Sequential(*layers)
    peaks = []
    for kept in (Blocks(()), Blocks([network])):
        network.zero_grad()
        with Footprint() as seen:
            with kept.recomputed():
                out = network(torch.ones(batch, width)).sum()
            out.backward()
        peaks.append(max(seen.timeline) / (4 * batch * width))
    assert 2 * blocks < peaks[0] < 2 * blocks + 4
    assert blocks < peaks[1] < blocks + 5


def test_a_run_remembers_it(noise_file: Path, tmp_path: Path) -> None:
    chosen = recipe(generator="digits:width=2,hidden=8")
    given: dict[str, Any] = {"data": str(noise_file), "samples": 8, "progress": False, "snapshots": 1}
    run = belamy.train(chosen, out=tmp_path / "a", checkpoint_activations=True, **given)
    assert run.provenance.checkpoint_activations
    assert not belamy.train(chosen, out=tmp_path / "b", **given).provenance.checkpoint_activations
