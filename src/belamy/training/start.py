"""Starting and resuming runs: data, method, run directory and session put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from belamy import recipes
from belamy.data import Dataset, open_data
from belamy.errors import Interrupted, RunError, UsageError
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, Domain, Samples
from belamy.runs.provenance import provenance, session
from belamy.runs.run import Checkpoint, Run, method_name
from belamy.shelf import Part
from belamy.training.autopilot import Autopilot
from belamy.training.device import choose_device, choose_precision
from belamy.training.distribution import World, world
from belamy.training.estimate import estimate
from belamy.training.inheritance import inherit
from belamy.training.progress import Reporter, reporter
from belamy.training.session import Session, Settings
from belamy.training.trainer import Trainer, fresh

if TYPE_CHECKING:
    from belamy.training.assessment import Assessor

DEFAULT = "digits"
"""The recipe that is trained where none is named."""


@dataclass(frozen=True)
class Options:
    """What a session needs to know beside the recipe; nothing here decides the outcome but ``precision``."""

    device: str = "auto"
    precision: str = "auto"
    snapshots: int = 48
    checkpoint_seconds: float = 60.0
    offline: bool = False
    progress: bool = True
    watch: bool = True
    autopilot: bool = False
    judging: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.autopilot and not self.watch:
            raise UsageError("The autopilot acts on what the watch finds. Leave out --no-watch or --autopilot.")
        if self.snapshots < 1:
            raise UsageError(f"snapshots is {self.snapshots}, but it must be at least 1.")
        if not 0 <= self.checkpoint_seconds < inf:
            given = self.checkpoint_seconds
            raise UsageError(f"checkpoint_seconds is {given}, but it must be a number that is not negative.")


@dataclass(frozen=True)
class Parent:
    """The run that another goes on from, as it was at its newest checkpoint."""

    run: Run
    state: Checkpoint

    @classmethod
    def open(cls, path: str | Path) -> Parent:
        """The run in a directory.

        Raises:
            RunError: There is no run, or it has saved nothing yet.
        """
        run = Run.open(path)
        state = run.load_checkpoint()
        if state is None:
            raise RunError(f"{run.path} has no checkpoint to go on from. Type `belamy resume {run.path}` to train it.")
        return cls(run, state)

    def check(self, recipe: BaseRecipe) -> None:
        """Refuse a recipe that cannot go on from here.

        Raises:
            UsageError: It is of another method, or has nothing left to see.
        """
        if type(recipe) is not type(self.run.recipe):
            raise UsageError(
                f"{self.run.path} was trained by the method '{self.run.method_name}', but the recipe is one of "
                f"'{method_name(recipe)}'. Leave out the recipe's name to take the run's own."
            )
        if recipe.samples <= self.state.samples:
            raise UsageError(
                f"{self.run.path} has seen {self.state.samples:,} samples, and samples is {recipe.samples:,}: it "
                f"counts those too. Give more, e.g. --samples {self.state.samples + recipe.samples}."
            )

    def facts(self, recipe: BaseRecipe, afresh: tuple[str, ...]) -> dict[str, Any]:
        """What the provenance of a run with this parent says."""
        before, now = self.run.recipe.model_dump(mode="json"), recipe.model_dump(mode="json")
        changed = {field: [before[field], now[field]] for field in now if now[field] != before[field]}
        path = str(self.run.path.resolve())
        return {"run": path, "samples": self.state.samples, "changed": changed, "afresh": list(afresh)}


def train(
    recipe: str | BaseRecipe | None = None,
    *,
    resume_from: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    snapshots: int = 48,
    checkpoint_seconds: float = 60.0,
    offline: bool = False,
    progress: bool = True,
    verbose: bool = False,
    watch: bool = True,
    autopilot: bool = False,
    evaluate_every: int | None = None,
    evaluate_count: int = 5000,
    metrics: Sequence[str] = (),
    keep_best: str | None = None,
    **fields: Any,
) -> Run:
    """Train a recipe and return its run.

    Args:
        recipe: A recipe or the name of one; ``belamy recipes`` lists them. By default ``digits``, or the recipe of the
            run in ``resume_from``.
        resume_from: A run whose newest checkpoint the new run starts from. What fits the recipe is taken over: weights,
            averages, moments of the optimisers. The clock goes on, so ``samples`` counts those of that run too.
        out: The run's directory, new or empty; by default ``runs/<recipe>-<number>``.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        precision: ``auto``, ``float32``, ``bfloat16`` (automatic mixed precision) or ``float64``.
        snapshots: Sheets of samples to draw over the run.
        checkpoint_seconds: Save the state at least this often.
        offline: Never fetch data from the network.
        progress: Show a progress bar and messages.
        verbose: Show losses and gradient norms beside the progress.
        watch: Look for what goes wrong.
        autopilot: Apply what the watch advises, and take it back if it makes things worse.
        evaluate_every: Judge samples against real images every so many training samples; None for never.
        evaluate_count: How many samples are judged each time.
        metrics: By what, as names with options; by default the usual metrics that the data allow.
        keep_best: Keep the weights for which this number, e.g. ``frechet``, was nearest to that of real images.
        fields: Fields of the recipe to change, e.g. ``data="photos"``, ``samples=100_000``.

    Raises:
        BelamyError: What is wrong and what to type instead.

    Example:
        >>> run = train("dcgan-mnist", samples=512, out="runs/first")  # doctest: +SKIP
    """
    parent = Parent.open(resume_from) if resume_from is not None else None
    name, chosen = named_recipe(recipe, parent)
    chosen = chosen.changed(**fields) if fields else chosen
    if parent:
        parent.check(chosen)
    judging = judging_facts(evaluate_every, evaluate_count, metrics, keep_best)
    options = Options(device, precision, snapshots, checkpoint_seconds, offline, progress, watch, autopilot, judging)
    with world(choose_device(device).type) as team:
        say = reporter(progress and team.leads, verbose)
        data = open_recipe_data(chosen, offline, say.read)
        domain = Domain(data.shape, tuple(data.classes))
        if autopilot and team.size > 1:
            raise UsageError(f"The autopilot flies in one process, not in {team.size}. Leave out --autopilot.")
        trainer = make_trainer(chosen, domain, data, options, team)  # before anything is written
        assessor = assessor_for(trainer, options, say)
        facts = provenance(trainer.device.type, precision, snapshots, team.size, fingerprint(trainer))
        facts |= {"watch": watch, "autopilot": autopilot, "judging": judging}
        if parent:
            afresh = inherit(trainer, parent.run.recipe, parent.run.domain, parent.state)
            facts["parent"] = parent.facts(chosen, afresh)
            say.say(f"Goes on from {parent.run.path} at {parent.state.samples:,} samples.")
            if afresh:
                say.say(f"Does not fit and starts afresh: {', '.join(afresh)}.")
        path = Path(out).expanduser() if out is not None else free_folder(name)
        if team.leads:
            state = trainer.state() if parent else None
            Run.create(
                path, recipe=chosen, recipe_name=name, domain=domain, provenance=facts, card=data.card(), state=state
            )
        run = Run.open(team.leader_says(str(path)))
        with run.locked() if team.leads else nullcontext():
            return conduct(run, trainer, options, say, assessor)


def named_recipe(recipe: str | BaseRecipe | None, parent: Parent | None) -> tuple[str, BaseRecipe]:
    """A recipe and the name of its run's recipe."""
    if recipe is None and parent:
        return parent.run.recipe_name, parent.run.recipe
    if isinstance(recipe, BaseRecipe):
        return "custom", recipe
    name = recipe or DEFAULT
    return name, recipes.get(name)


def resume(
    path: str | Path,
    *,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    offline: bool = False,
    progress: bool = True,
    verbose: bool = False,
) -> Run:
    """Go on with an interrupted run; on the same machine the result is bit-equal to that of an uninterrupted one.

    Args:
        path: The run's directory.
        device: Where to compute.
        checkpoint_seconds: Save the state at least this often.
        offline: Never fetch data from the network.
        progress: Show a progress bar and messages.
        verbose: Show losses and gradient norms beside the progress.

    Raises:
        RunError: There is no run, it is damaged, or its data have changed.
    """
    run = Run.open(path)
    facts = run.provenance
    options = Options(
        device, facts["precision"], facts["snapshots"], checkpoint_seconds, offline, progress,
        watch=facts.get("watch", True), autopilot=facts.get("autopilot", False), judging=facts.get("judging"),
    )  # fmt: skip
    with world(choose_device(device).type) as team:
        say = reporter(progress and team.leads, verbose)
        data = open_recipe_data(run.recipe, offline, say.read)
        trainer = make_trainer(run.recipe, run.domain, data, options, team)
        if fingerprint(trainer) != facts["data"]:
            raise RunError(
                f"The data '{run.recipe.data}' are not those that {run.path} was trained on: their fingerprint "
                f"differs. Restore them, or start anew with `belamy train`."
            )
        finished = any(row["event"] == "finish" for row in run.journal())
        assessor = None if finished else assessor_for(trainer, options, say)
        with run.locked() if team.leads else nullcontext():
            if team.leads:
                run.rewind()
            team.leader_says("rewound")
            state = run.load_checkpoint()
            if state is not None:
                trainer.load_state(state)
            if team.leads:
                run.amend_provenance(sessions=[*facts["sessions"], session(trainer.device.type, team.size)])
            if trainer.clock.samples >= run.recipe.samples:
                say.say(f"{run.path} is finished: {trainer.clock.samples:,} samples. Type `belamy report {run.path}`.")
            return conduct(run, trainer, options, say, assessor)


def fingerprint(trainer: Trainer) -> str:
    """Of all that is learned from: the data, and what the method reads beside them."""
    return ":".join(filter(None, (trainer.dataset.fingerprint, trainer.method.fingerprint)))


def judging_facts(
    every: int | None, count: int, metrics: Sequence[str], keep_best: str | None
) -> dict[str, Any] | None:
    """How a run is judged while it trains, as its provenance holds it; None if it is not.

    Raises:
        UsageError: What is to be done is not to be done at any time.
    """
    if every is not None:
        return {"every": every, "count": count, "metrics": list(metrics), "keep_best": keep_best}
    if keep_best is not None or metrics:
        option = "--keep-best" if keep_best is not None else "--metrics"
        raise UsageError(f"{option} says what to do when samples are judged. Say when: --evaluate-every SAMPLES.")
    return None


def assessor_for(trainer: Trainer, options: Options, say: Reporter) -> Assessor | None:
    """Who judges a method while it trains, in the process that leads; None if nobody does.

    Raises:
        UsageError: A metric is unknown, or the method draws no samples.
    """
    if options.judging is None or not trainer.world.leads:
        return None
    from belamy.training.assessment import Judging, make_assessor  # it trains the judge by way of this module

    judging = Judging.parse(options.judging)
    if not isinstance(trainer.method, Samples):
        raise UsageError("This method draws no samples, so none can be judged. Leave --evaluate-every out.")
    return make_assessor(judging, trainer.dataset, say, options.offline)


def make_trainer(recipe: BaseRecipe, domain: Domain, data: Dataset, options: Options, team: World) -> Trainer:
    """The trainer at the beginning of a run."""
    torch.set_flush_denormal(True)  # denormal numbers are 10 to 200 times slower on a CPU
    device = choose_device(options.device)
    if device.type == "cuda" and team.size > 1:
        device = torch.device("cuda", team.local_rank)
    dtype, mixed = choose_precision(options.precision, device)

    def build() -> BaseMethod:
        method: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, domain=domain)
        return method

    method = fresh(build, recipe.seed, device, dtype)
    method.prepare(options.offline)
    return Trainer(method, data, team, mixed)


def conduct(run: Run, trainer: Trainer, options: Options, say: Reporter, assessor: Assessor | None = None) -> Run:
    """Train until the run is finished or interrupted."""
    settings = Settings(options.snapshots, options.checkpoint_seconds, options.watch, assessor)
    say.say(f"{run.recipe_name} on {run.recipe.data} into {run.path}")
    if options.progress and trainer.clock.samples < run.recipe.samples:
        say.say(f"{trainer.device.type}, {torch.get_num_threads()} threads: {estimate(trainer)}")
    try:
        if options.autopilot:
            finished = Autopilot(run, trainer, settings, say, partial(remade, trainer, options)).go()
        else:
            finished = Session(run if trainer.world.leads else None, trainer, settings, say).go()
    finally:
        say.close()
    if not finished:
        raise Interrupted(run.path, run.samples_seen)
    return Run.open(run.path) if options.autopilot else run  # its recipe may be another now


def remade(trainer: Trainer, options: Options, recipe: BaseRecipe) -> Trainer:
    """A trainer like another, at the beginning of another recipe."""
    return make_trainer(recipe, trainer.method.domain, trainer.dataset, options, trainer.world)


def open_recipe_data(
    recipe: BaseRecipe, offline: bool = False, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """The data that a recipe names; ``progress`` is called with files read and files in all."""
    data = open_data(
        recipe.data, size=recipe.size, fit=recipe.fit, channels=recipe.channels, labels=recipe.labels,
        offline=offline, progress=progress,
    )  # fmt: skip
    return data if recipe.only is None else data.only(recipe.only)


def free_folder(name: str) -> Path:
    """The first of ``runs/<name>-1``, ``-2`` … that does not exist."""
    number = 1
    while (path := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path
