"""What a run will cost, measured on a few steps before it starts."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from time import monotonic

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from belamy.data.dataset import Memory
from belamy.methods.base import Samples
from belamy.progress import duration
from belamy.sampling.draw import draw, takes_sampling
from belamy.training.distribution import agree
from belamy.training.pacing import slowed
from belamy.training.trainer import Trainer

TRIAL_STEPS = 3
TRIAL_SECONDS = 2.0
SHEET, PART = 64, 8
"""Samples of a snapshot, and how many are drawn at a time by what does not tell how far it is."""


@dataclass(frozen=True)
class Estimate:
    """Seconds and bytes that training is expected to take, and samples per second."""

    seconds: float
    bytes: int
    speed: float

    def __str__(self) -> str:
        return f"about {duration(self.seconds)}, {size(self.bytes)} of memory, {self.speed:,.0f} samples/s"


class Enough(Exception):
    """What was measured tells how long the rest will take."""


def estimate(trainer: Trainer, snapshots: int = 0) -> Estimate:
    """Time and memory of the rest of a run with its snapshots, from trial steps on a copy that is thrown away."""
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
    seconds = slowed(left * min(times), sheet_seconds(trainer) if snapshots else 0.0, snapshots)
    return Estimate(seconds, state + gradients + sum(saved.values()) + data, seen / min(times))


def sheet_seconds(trainer: Trainer) -> float:
    """How long one snapshot takes; one that takes long is left when it can be told."""
    method, started = trainer.method, monotonic()
    share = 1.0

    def report(done: int, total: int) -> None:
        nonlocal share
        if monotonic() - started >= TRIAL_SECONDS and 0 < done < total:
            share = done / total
            raise Enough

    with suppress(Enough):
        if isinstance(method, Samples):
            draw(method, SHEET, seed=method.recipe.seed, batch=SHEET if takes_sampling(method) else PART, report=report)
    return (monotonic() - started) / share


def size(count: int) -> str:
    """Bytes in words, e.g. ``1.2 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
