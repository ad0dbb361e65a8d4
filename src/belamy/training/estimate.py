"""What a run will cost, measured on a few steps before it starts."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from belamy.data.dataset import Memory
from belamy.progress import duration
from belamy.training.distribution import agree
from belamy.training.trainer import Trainer

TRIAL_STEPS = 3
TRIAL_SECONDS = 2.0


@dataclass(frozen=True)
class Estimate:
    """Seconds and bytes that training is expected to take, and samples per second."""

    seconds: float
    bytes: int
    speed: float

    def __str__(self) -> str:
        return f"about {duration(self.seconds)}, {size(self.bytes)} of memory, {self.speed:,.0f} samples/s"


def estimate(trainer: Trainer) -> Estimate:
    """Time and memory of the rest of a run, from trial steps on a copy that is thrown away."""
    probe = Trainer(deepcopy(trainer.method), trainer.dataset, trainer.world, trainer.mixed)
    saved: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        probe.step()
    times = [probe.clock.seconds]
    # All processes must try equally often: a step waits for the gradients of every one.
    while len(times) < TRIAL_STEPS and agree(sum(times) < TRIAL_SECONDS, trainer.world.size):
        before = probe.clock.seconds
        probe.step()
        times.append(probe.clock.seconds - before)
    recipe = trainer.method.recipe
    seen = probe.clock.samples / probe.clock.step
    left = max(recipe.train_samples - trainer.clock.samples, 0) / seen
    state = sum(tensor.nbytes for tensor in probe.state().tensors.values())
    gradients = sum(parameter.nbytes for parameter in probe.method.parameters())
    kept = [column.store for column in trainer.dataset.columns.values() if isinstance(column.store, Memory)]
    data = sum(store.tensor.nbytes for store in kept)
    return Estimate(left * min(times), state + gradients + sum(saved.values()) + data, seen / min(times))


def size(count: int) -> str:
    """Bytes in words, e.g. ``1.2 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
