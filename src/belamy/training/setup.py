"""What every training is set up from: a recipe's data, method and trainer, and the session that conducts it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import torch

from belamy.data import Dataset, open_data
from belamy.data.loading import SOURCES
from belamy.device import choose_device, choose_precision
from belamy.errors import DataError, Interrupted, StorageError, UsageError
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.methods.requirements import check_fields
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs.run import Run, method_name
from belamy.training.autopilot import Autopilot
from belamy.training.distribution import World
from belamy.training.estimate import LARGE_SECONDS, Cost, TrialSpeed, estimate, speed
from belamy.training.freezing import freeze
from belamy.training.limits import Choice, NoRoom, choose, parse_bytes
from belamy.training.memory import Needs, Probe
from belamy.training.session import Session, SessionSettings, Validates
from belamy.training.trainer import Trainer, fresh


@dataclass(frozen=True)
class Options:
    """What a session needs to know beside the recipe; only ``precision`` and ``micro_batch`` touch the outcome.

    ``recompute`` is activation checkpointing; ``memory`` is a limit, e.g. 8GB, that chooses it and the micro-batch.
    """

    device: str = "auto"
    precision: str = "auto"
    snapshots: int = 48
    checkpoint_seconds: float = 60.0
    offline: bool = False
    progress: bool = True
    watch: bool = True
    autopilot: bool = False
    validation: Mapping[str, Any] | None = None
    verbose: bool = False
    micro_batch: int | None = None
    recompute: bool = False
    memory: str | None = None

    def __post_init__(self) -> None:
        if self.memory is not None:
            parse_bytes(self.memory)
            if self.micro_batch is not None:
                raise UsageError("--memory chooses the micro-batch. Leave out --memory or --micro-batch.")
        if self.autopilot and not self.watch:
            raise UsageError("The autopilot acts on what the watch finds. Leave out --no-watch or --autopilot.")
        if self.snapshots < 1:
            raise UsageError(f"snapshots is {self.snapshots}, but it must be at least 1.")
        if not 0 <= self.checkpoint_seconds < inf:
            given = self.checkpoint_seconds
            raise UsageError(f"checkpoint_seconds is {given}, but it must be a number that is not negative.")


def fingerprint(trainer: Trainer) -> str:
    """Of all that is learned from: the data, and what the method reads beside them."""
    data = trainer.dataset
    sides = [side.fingerprint for side in data.sides.values()]
    return ":".join(filter(None, (data.fingerprint, *sides, trainer.method.fingerprint)))


def make_trainer(recipe: BaseRecipe, spec: DataSpec, data: Dataset, options: Options, team: World) -> Trainer:
    """The trainer at the beginning of a run."""
    name = method_name(recipe)
    check_fields(METHODS.load(name), name, recipe, spec)
    torch.set_flush_denormal(True)  # denormal numbers are 10 to 200 times slower on a CPU
    device = choose_device(options.device)
    if device.type == "cuda" and team.size > 1:
        device = torch.device("cuda", team.local_rank)
    dtype, mixed = choose_precision(options.precision, device)

    def build() -> BaseMethod:
        method: BaseMethod = METHODS.build(Part(name=name), recipe=recipe, spec=spec)
        return method

    method = fresh(build, recipe.seed, device, dtype)
    method.prepare(options.offline)
    method.measure_data(data)
    freeze(method, recipe.freeze)
    return Trainer(method, data, team, mixed, micro_batch=options.micro_batch, recompute=options.recompute)


def within(recipe: BaseRecipe, spec: DataSpec, data: Dataset, options: Options, team: World) -> Choice:
    """How a step is taken so that the run stays below ``options.memory``.

    Raises:
        NoRoom: Even one sample at a time is too much.
    """

    def build(recompute: bool) -> Probe:
        return Probe.of(make_trainer(recipe, spec, data, replace(options, recompute=recompute), team), copied=False)

    return choose(build, parse_bytes(options.memory or ""), options.recompute)


def trained_at(recipe: BaseRecipe, spec: DataSpec, data: Dataset, options: Options, team: World) -> TrialSpeed:
    """Samples per second that a recipe is trained at, by trial steps; 0 where the memory does not allow it."""
    if options.memory is None:
        probe = Probe.of(make_trainer(recipe, spec, data, options, team), copied=False)
        needs = Needs(probe, 0)
        return speed(needs, needs.share // probe.parts, probe.parts)
    try:
        choice = within(recipe, spec, data, options, team)
    except NoRoom:
        return TrialSpeed(0.0, 0.0)
    assert choice.needs is not None
    return speed(choice.needs, choice.micro_batch, choice.needs.share // choice.micro_batch)


def fitted(
    recipe: BaseRecipe, spec: DataSpec, data: Dataset, options: Options, team: World, say: Reporter
) -> tuple[Trainer, Options, Cost | None]:
    """The trainer at the beginning of a run, the options with the micro-batch that the memory allows, and the cost.

    Where there is a limit, all that needs memory is tried with the networks that are thrown away before the run's are
    made, and there is never more than one set of them.

    Raises:
        NoRoom: Even one sample at a time is too much.
    """
    cost = None
    if options.memory is not None:
        choice = within(recipe, spec, data, options, team)
        say.say(f"To stay below {options.memory}: {choice}.")
        assert choice.needs is not None
        micro, parts = choice.micro_batch, choice.needs.share // choice.micro_batch
        cost = Cost(choice.memory, speed(choice.needs, micro, parts, LARGE_SECONDS).now)
        options = replace(options, memory=None, micro_batch=micro if parts > 1 else None, recompute=choice.recompute)
        del choice
        gc.collect()
    return make_trainer(recipe, spec, data, options, team), options, cost


def conduct(
    run: Run,
    trainer: Trainer,
    options: Options,
    say: Reporter,
    validator: Validates | None = None,
    cost: Cost | None = None,
) -> Run:
    """Train until the run is finished or interrupted; what it costs is measured first, unless that is known."""
    settings = SessionSettings(options.snapshots, options.checkpoint_seconds, options.watch, validator)
    say.say(f"{run.recipe_name} on {run.recipe.data} into {run.path}")
    if options.progress and trainer.clock.samples < run.recipe.train_samples:
        how = f"{trainer.device.type}, {torch.get_num_threads()} threads"
        how += f", {trainer.parts} micro-batches" if trainer.parts > 1 else ""
        how += ", activations computed again" if trainer.recompute else ""
        say.say(f"{how}: {estimate(trainer, options.snapshots, cost)}")
    try:
        if options.autopilot:
            finished = Autopilot(run, trainer, settings, say, partial(remade, trainer, options)).go()
        else:
            finished = Session(run if trainer.world.leads else None, trainer, settings, say).go()
    except StorageError as error:
        if not run.checkpoints():
            raise
        raise StorageError(
            f"{error} The last checkpoint, {run.samples_seen:,} samples, is kept: then type `belamy resume {run.path}`."
        ) from error
    finally:
        say.close()
    if not finished:
        raise Interrupted(run.path, run.samples_seen)
    return Run.open(run.path) if options.autopilot else run  # its recipe may be another now


def remade(trainer: Trainer, options: Options, recipe: BaseRecipe) -> Trainer:
    """A trainer like another, at the beginning of another recipe."""
    return make_trainer(recipe, trainer.method.spec, trainer.dataset, options, trainer.world)


def open_recipe_data(
    recipe: BaseRecipe,
    offline: bool = False,
    progress: Callable[[int, int], None] | None = None,
    hint: str = "",
) -> Dataset:
    """The data that a recipe names; ``progress`` is called with files read and files in all.

    Args:
        recipe: What names them, and says how they are read.
        offline: Never fetch data from the network.
        progress: Called with files read and files in all.
        hint: What to do where there are none.
    """
    try:
        data = open_data(
            recipe.data, modality=recipe.modality, size=recipe.size, fit=recipe.fit, channels=recipe.channels,
            alpha=recipe.alpha, rate=recipe.rate, length=recipe.length, other=recipe.other, labels=recipe.labels,
            levels=recipe.levels, offline=offline, progress=progress,
        )  # fmt: skip
    except (DataError, UsageError) as error:
        if not hint or recipe.data.partition(":")[0] in SOURCES.names():
            raise
        raise type(error)(f"{error} {hint}") from error
    return with_sides(recipe, recipe.arranged(data), offline)


def with_sides(recipe: BaseRecipe, data: Dataset, offline: bool = False) -> Dataset:
    """The data with what else the recipe learns from."""
    wanted = recipe.sides(data.shape)
    if not wanted:
        return data
    opened = {name: open_data(**given, offline=offline) for name, given in wanted.items()}
    return data.changed(sides={**data.sides, **opened}, replaced=(*data.replaced, *opened))
