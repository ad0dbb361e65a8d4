"""Networks that change while they train resume bit for bit, before and after the change."""

from __future__ import annotations

import pytest
import torch

from belamy.data.dataset import Dataset
from belamy.runs.checkpoint import Checkpoint
from belamy.sampling.draw import draw
from belamy.training.trainer import Trainer, fresh
from outside.growing import Method, Recipe

STEPS = 8


def trainer(data: Dataset) -> Trainer:
    recipe = Recipe.tiny()
    made = fresh(lambda: Method(recipe, data.spec), recipe.seed, torch.device("cpu"), torch.float32)
    return Trainer(made, data)


def run(engine: Trainer, steps: int) -> Checkpoint:
    for _ in range(steps):
        engine.step()
    state = engine.state()
    return Checkpoint(*(getattr(state, name) for name in ("samples", "step", "position", "seconds")),
                      {name: tensor.clone() for name, tensor in state.tensors.items()})  # fmt: skip


@pytest.mark.parametrize("at", [2, 4, 6])
def test_a_growing_network_goes_on_bit_for_bit(noise: Dataset, at: int) -> None:
    whole = run(trainer(noise), STEPS)
    again = trainer(noise)
    again.load_state(run(trainer(noise), at))
    halves = run(again, STEPS - at)
    assert whole.tensors.keys() == halves.tensors.keys()
    assert all(torch.equal(whole.tensors[name], halves.tensors[name]) for name in whole.tensors)
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
