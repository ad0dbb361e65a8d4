"""Small networks that learn a task from some samples and are tested on others."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.methods.base import Player, Turn
from belamy.methods.learning import fit
from belamy.registry import Part
from belamy.seeds import generator

BATCH, WIDTH = 64, 32
FORECAST = 4
"""The last one part in so many of a series is forecast from what comes before."""
_KERNEL, _POOLED = 5, 4


class Task(NamedTuple):
    """What is to be told of samples.

    Args:
        inputs: What is known.  # [n, …]
        targets: Class numbers [n], or numbers [n, k].
    """

    inputs: Tensor
    targets: Tensor


def classification(values: Tensor, labels: Tensor) -> Task:
    """The class of each sample, from its values ``[n, …]``."""
    return Task(values, labels)


def forecast(values: Tensor) -> Task:
    """The end of each series ``[n, T, C]``, from its beginning."""
    known = values.shape[1] - ceil(values.shape[1] / FORECAST)
    return Task(values[:, :known], values[:, known:].flatten(1))


def network(shape: Sequence[int], outputs: int) -> nn.Module:
    """Two convolutions over the steps of series ``[T, C]``, two hidden layers for other samples.

    Args:
        shape: Of one input.
        outputs: How many numbers come out.
    """
    if len(shape) == 2 and shape[0] >= 2 * _POOLED:
        return nn.Sequential(
            ChannelsFirst(),
            nn.Conv1d(shape[1], WIDTH, _KERNEL, padding=_KERNEL // 2), nn.ReLU(),
            nn.Conv1d(WIDTH, WIDTH, _KERNEL, padding=_KERNEL // 2), nn.ReLU(),
            nn.AdaptiveAvgPool1d(_POOLED), nn.Flatten(), nn.Linear(_POOLED * WIDTH, outputs),
        )  # fmt: skip
    return nn.Sequential(
        nn.Flatten(), nn.Linear(prod(shape), 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, 2 * WIDTH), nn.ReLU(),
        nn.Linear(2 * WIDTH, outputs),
    )  # fmt: skip


class ChannelsFirst(nn.Module):
    """``[N, C, T]`` of ``[N, T, C]``."""

    def forward(self, series: Tensor) -> Tensor:
        """Channels first."""
        return series.transpose(1, 2)


def taught(task: Task, classes: int, steps: int, seed: int) -> nn.Module:
    """A network that has learned a task: classes by cross-entropy, numbers by squared error.

    Args:
        task: What is learned.
        classes: How many classes there are, 0 for numbers.
        steps: Of Adam at 3e-3 with a cosine schedule, on batches of 64.
        seed: Of the first weights and of the batches.
    """
    forecasts = not classes
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator(seed, "transfer").initial_seed())
        # A forecast adds up every step with its place, which pooled convolutions forget.
        shape = (prod(task.inputs.shape[1:]),) if forecasts else tuple(task.inputs.shape[1:])
        made = network(shape, classes or task.targets.shape[1])
    inputs = task.inputs.flatten(1) if forecasts else task.inputs

    def play(step: int) -> Turn:
        chosen = torch.randint(len(inputs), (BATCH,), generator=generator(seed, "transfer-batch", step))
        answers, targets = made(inputs[chosen]), task.targets[chosen]
        loss = (answers - targets).square().mean(1) if forecasts else cross_entropy(answers, targets, reduction="none")
        return Turn("network", {"loss": loss})

    fit({"network": Player(made, Part(name="adam", lr=3e-3, beta1=0.9))}, play, steps, seed=seed)
    return made.eval()


@torch.no_grad()
def hits(made: nn.Module, task: Task) -> Tensor:
    """1 where the class is told right, else 0.  # [n] float64"""
    return (made(task.inputs).argmax(1) == task.targets).double()


@torch.no_grad()
def errors(made: nn.Module, task: Task) -> tuple[Tensor, Tensor]:
    """The squared error of each forecast, and that of the mean of all targets.  # [n] each, float64"""
    missed = (made(task.inputs.flatten(1)) - task.targets).double().square().mean(1)
    return missed, (task.targets - task.targets.mean(0)).double().square().mean(1)
