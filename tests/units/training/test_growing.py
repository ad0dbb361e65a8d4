"""Networks that change while they train resume bit for bit, before and after the change; what is not active rests."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.methods import gan
from belamy.methods.base import BaseMethod, BaseRecipe
from belamy.registry import Part
from belamy.runs.checkpoint import Checkpoint
from belamy.sampling.draw import draw
from belamy.training.trainer import Trainer, fresh
from outside import growing

STEPS = 8


def engine_of(made: type[BaseMethod], recipe: BaseRecipe, data: Dataset) -> Trainer:
    return Trainer(
        fresh(lambda: made(recipe, data.spec), recipe.seed, torch.device("cpu"), torch.float32),
        data,
    )


def trainer(data: Dataset) -> Trainer:
    return engine_of(growing.Method, growing.Recipe.tiny(), data)


def kept(engine: Trainer) -> Checkpoint:
    """The state as a checkpoint has it, apart from what goes on."""
    state = engine.state()
    return Checkpoint(*(getattr(state, name) for name in ("samples", "step", "position", "seconds")),
                      {name: tensor.clone() for name, tensor in state.tensors.items()})  # fmt: skip


def run(engine: Trainer, steps: int) -> Checkpoint:
    for _ in range(steps):
        engine.step()
    return kept(engine)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.tensors.keys() == other.tensors.keys() and all(
        torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors
    )


@pytest.mark.parametrize("at", [2, 4, 6])
def test_a_growing_network_goes_on_bit_for_bit(noise: Dataset, at: int) -> None:
    whole = run(trainer(noise), STEPS)
    again = trainer(noise)
    again.load_state(run(trainer(noise), at))
    halves = run(again, STEPS - at)
    assert same(whole, halves)
    assert int(whole.tensors["method/network.active"]) == 1


def test_a_block_learns_only_once_it_is_active(noise: Dataset) -> None:
    engine = trainer(noise)
    before = engine.method.network.fine.weight.clone()
    engine.step()
    assert torch.equal(engine.method.network.fine.weight, before)
    assert not [name for name in run(engine, 2).tensors if name.startswith("optimizer/network/2/")]
    run(engine, 3)
    assert not torch.equal(engine.method.network.fine.weight, before)
    assert draw(engine.method, 2).shape == (2, 1, 8, 8)


BATCH, LENGTH = 4, 8
GROWING = ["progan", "stylegan"]
"""Networks that grow from 4 to 16 pixels here: phases of two steps of training and two of transition."""
LAST = 14


def recipe(network: str) -> gan.Recipe:
    styles = {"style": 4, "mapping": 2} if network == "stylegan" else {}
    return gan.Recipe(
        generator=Part(name=network, base=16, widest=4, **styles),
        discriminator=Part(name=network, base=16, widest=4),
        latent=4,
        prior=Part(name="normal"),
        adversarial=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"), Part(name="drift")),
        growth=Part(name="progressive", training=LENGTH, transition=LENGTH, minibatches=(8, 4)),
        generator_condition=Part(name="one-hot"),
        discriminator_condition=Part(name="one-hot"),
        generator_optimizer=Part(name="adam", lr=1e-3, beta1=0.0),
        discriminator_optimizer=Part(name="adam", lr=1e-3, beta1=0.0),
        train_samples=60,
        batch=BATCH,
        ema_half_life=20,
    )


@cache
def coloured() -> Dataset:
    pixels = torch.randint(0, 256, (40, 2, 16, 16), dtype=torch.uint8)
    return Dataset("noise", Memory(pixels), labels=torch.arange(40) % 3, classes=[*"abc"])


def growing_engine(network: str) -> Trainer:
    return engine_of(gan.Method, recipe(network), coloured())


@cache
def life(network: str) -> tuple[Checkpoint, ...]:
    """Every checkpoint of a run, from before its first step to after its last."""
    engine = growing_engine(network)
    return (kept(engine), *(run(engine, 1) for _ in range(LAST)))


def level(state: Checkpoint) -> float:
    return int(state.tensors["method/generator.network.level"]) / 2**32


@pytest.mark.parametrize("network", GROWING)
def test_a_gan_grows_by_the_samples_it_has_seen(network: str) -> None:
    states = life(network)
    assert [state.samples for state in states] == [0, 8, *range(12, 61, 4)]  # one step of 8, then of 4
    played = [level(state) for state in states]
    assert played == [2, 2, 2, 1.5, 1, 1, 1, 0.5, *[0] * 7]
    average = [int(state.tensors["average/generator/network.level"]) / 2**32 for state in states]
    assert average == played


@pytest.mark.parametrize("at", range(1, LAST))
@pytest.mark.parametrize("network", GROWING)
def test_a_gan_killed_at_any_moment_goes_on_bit_for_bit(network: str, at: int) -> None:
    states = life(network)
    again = growing_engine(network)
    again.load_state(states[at])
    assert same(kept(again), states[at])
    assert same(run(again, 1), states[at + 1])
    if at in (1, 5, 8):  # before a fade, within a phase, after the last
        assert same(run(again, LAST - at - 1), states[LAST])


def changed(before: Checkpoint, after: Checkpoint, prefix: str) -> set[str]:
    """Names that came or whose values changed."""
    names = {name for name in after.tensors if name.startswith(prefix)}
    return {name for name in names if name not in before.tensors or not torch.equal(*pair(before, after, name))}


def pair(before: Checkpoint, after: Checkpoint, name: str) -> tuple[Tensor, Tensor]:
    return before.tensors[name], after.tensors[name]


@pytest.mark.parametrize("network", GROWING)
def test_only_active_blocks_move(network: str) -> None:
    """Weights of all others stay bit for bit."""
    states = life(network)
    prefixes = {"generator": "method/generator.network.", "discriminator": "method/discriminator.network.network."}
    for before, after in pairwise(states):
        for (player, kind), numbers in parts_at(network, level(after)).items():
            prefix = f"{prefixes[player]}{kind}."
            moved = {int(name.removeprefix(prefix).split(".")[0]) for name in changed(before, after, prefix)}
            assert moved == numbers, (player, kind, level(after))


def parts_at(network: str, level: float) -> dict[tuple[str, str], set[int]]:
    """Blocks and 1x1 convolutions that are in use: the generator's coarse first, the discriminator's fine first."""
    whole = int(level)
    sizes = {whole, whole + 1} if level > whole else {whole}
    size = 2 - whole
    made = {"progan": ("blocks", range(size)), "stylegan": ("layers", range(2 * size + 2))}
    kind, blocks = made[network]
    return {
        ("generator", "images"): {2 - size for size in sizes},
        ("generator", kind): set(blocks),
        ("discriminator", "images"): sizes,
        ("discriminator", "blocks"): set(range(whole, 2)),
    }


@pytest.mark.parametrize("network", GROWING)
def test_optimisers_of_resting_weights_rest(network: str) -> None:
    engine, states = growing_engine(network), life(network)
    for player, parameters in engine.parameters.items():
        names = {id(parameter): name for name, parameter in engine.players[player].module.named_parameters()}
        for before, after in pairwise(states):
            for number, parameter in enumerate(parameters):
                name = names[id(parameter)]
                path = f"method/{player}.{name}"
                rests = not changed(before, after, path)
                assert not rests or not changed(before, after, f"optimizer/{player}/{number}/"), (name, level(after))
