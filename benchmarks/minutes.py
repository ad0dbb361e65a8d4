"""Training by the processor's time of one thread, for the benchmarks that judge at several moments; no program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import belamy
from belamy.data import Dataset
from belamy.methods.base import BaseRecipe
from belamy.runs.run import Run
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

LOOKS = (0.05, 0.125, 0.25, 0.5, 0.75, 1.0)
"""Shares of a run after which it is judged and its state is saved."""
WARM, TIMED = 3, 8
"""Steps before the speed is measured, and those that it is measured by."""


def trained(
    trainer: Trainer, moments: Sequence[float], last: float, spent: float = 0.0
) -> Iterator[tuple[float, float]]:
    """Train on to each moment and stop there: the moment, and the minutes that were spent. Only training counts.

    Args:
        trainer: What trains.
        moments: CPU-minutes.
        last: The minutes after which all ends; moments beyond are left out.
        spent: Minutes that a run which is gone on with has behind it; moments before are left out.
    """
    seconds = 60 * spent
    for moment in (*(each for each in moments if each < last), last):
        if 60 * moment <= seconds:
            continue
        while seconds < 60 * moment:
            started = time.process_time()
            trainer.step()
            seconds += time.process_time() - started
        yield moment, seconds / 60


def trained_through(
    trainer: Trainer, spent: float = 0.0, looks: Sequence[float] = LOOKS
) -> Iterator[tuple[float, float]]:
    """Train to the recipe's end and stop at shares of it: the share, and the minutes that were spent.

    Args:
        trainer: What trains.
        spent: Minutes that a run which is gone on with has behind it.
        looks: The shares; those that it has behind it are left out.
    """
    seconds, total = 60 * spent, trainer.method.recipe.train_samples
    for share in looks:
        if trainer.clock.samples >= share * total:
            continue
        while trainer.clock.samples < share * total:
            started = time.process_time()
            trainer.step()
            seconds += time.process_time() - started
        yield share, seconds / 60


def run_at(path: Path, recipe: Callable[[], BaseRecipe], snapshots: int = 6) -> tuple[Run, float | None]:
    """The run of a folder, trained as far as that was not done, and the CPU-minutes of that if it was done here.

    Args:
        path: Where it lies.
        recipe: Makes what is trained where nothing lies.
        snapshots: Sheets that are drawn.
    """
    if path.is_dir():
        return belamy.resume(path, progress=False), None
    planned = recipe()
    started = time.process_time()
    run = belamy.train(planned, out=path, device="cpu", progress=False, snapshots=snapshots, watch=False)
    return run, (time.process_time() - started) / 60


def lasting(
    recipe: BaseRecipe, data: Dataset, options: Options, minutes: float,
    parts: Sequence[tuple[float, Mapping[str, Any]]] = ((1.0, {}),),
) -> BaseRecipe:  # fmt: skip
    """The recipe as long as fits into CPU-minutes, by the time of a few steps; its averages forget accordingly.

    Samples count as the trainer counts them: a step of a critic that learns several times sees several batches.

    Args:
        recipe: What is to be trained.
        data: What it learns from.
        options: How.
        minutes: How long.
        parts: Shares of the run whose steps take another time, and the recipe's fields by which that is measured.
    """
    each = 0.0
    for share, fields in parts:
        trial = make_trainer(recipe.changed(**fields), data.spec, data, options, World())
        for _ in range(WARM):
            trial.step()
        started, before = time.process_time(), trial.clock.samples
        for _ in range(TIMED):
            trial.step()
        each += share * (time.process_time() - started) / (trial.clock.samples - before)
    samples = max(len(LOOKS) * recipe.batch, int(60 * minutes / each))
    half_life = min(recipe.ema_half_life, max(samples // 20, 1)) if recipe.ema_half_life else recipe.ema_half_life
    return recipe.changed(train_samples=samples, ema_half_life=half_life)
