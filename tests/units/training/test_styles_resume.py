"""StyleGAN2 with mixing, noise, lazy penalties and adaptive augmentation resumes bit for bit."""

from __future__ import annotations

import pytest
import torch

from belamy.data.dataset import Dataset
from belamy.methods import gan
from belamy.registry import Part
from belamy.runs.checkpoint import Checkpoint
from belamy.training.trainer import Trainer, fresh

STEPS = 9


def trainer(data: Dataset) -> Trainer:
    recipe = gan.Recipe(
        generator=Part(name="stylegan2", base=16, widest=4, style=6, mapping=2),
        discriminator=Part(name="stylegan2", base=16, widest=4),
        latent=4,
        generator_condition=Part(name="embedding", size=2),
        discriminator_condition=Part(name="projection"),
        penalties=(Part(name="r1", every=4), Part(name="path-length", every=2, shrink=2)),
        views=(Part(name="adaptive", speed=40, strength=0.3, filters=True, noise=True, cutout=True),),
        train_samples=200,
        batch=4,
        ema_half_life=20,
    )
    return Trainer(fresh(lambda: gan.Method(recipe, data.spec), 0, torch.device("cpu"), torch.float32), data)


def run(engine: Trainer, steps: int) -> Checkpoint:
    for _ in range(steps):
        engine.step()
    state = engine.state()
    tensors = {name: tensor.clone() for name, tensor in state.tensors.items()}
    return Checkpoint(state.samples, state.step, state.position, state.seconds, tensors)


@pytest.mark.parametrize("at", [1, 4, 7])
def test_it_goes_on_bit_for_bit(noise: Dataset, at: int) -> None:
    whole, again = run(trainer(noise), STEPS), trainer(noise)
    again.load_state(run(trainer(noise), at))
    halves = run(again, STEPS - at)
    assert whole.tensors.keys() == halves.tensors.keys()
    assert all(torch.equal(whole.tensors[name], halves.tensors[name]) for name in whole.tensors)
    kept = {name.rpartition(".")[2]: tensor for name, tensor in whole.tensors.items() if name.startswith("method/")}
    assert kept["length"] > 0 and kept["mean"].any() and kept["strength"] != 0.3
