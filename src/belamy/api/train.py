"""Training from Python: a recipe becomes a run, or a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belamy import recipes
from belamy.device import choose_device
from belamy.errors import RunError, UsageError
from belamy.judges.validation import ValidationConfig, Validator, make_validator
from belamy.methods.base import BaseRecipe, DataSpec, Samples
from belamy.progress import Reporter, reporter
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.provenance import provenance, session
from belamy.runs.run import Run, method_name
from belamy.training.distribution import world
from belamy.training.inheritance import inherit
from belamy.training.setup import Options, conduct, fingerprint, make_trainer, open_recipe_data
from belamy.training.trainer import Trainer

DEFAULT = "digits"
"""The recipe that is trained where none is named."""


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
        if recipe.train_samples <= self.state.samples:
            raise UsageError(
                f"{self.run.path} has seen {self.state.samples:,} samples, and samples is {recipe.train_samples:,}: it "
                f"counts those too. Give more, e.g. --samples {self.state.samples + recipe.train_samples}."
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
    like: str | Path | None = None,
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
        like: A run whose recipe is trained from the beginning.
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
    if sum(given is not None for given in (resume_from, like)) + (like is not None and recipe is not None) > 1:
        raise UsageError("Name either a recipe, or a run to go on from (resume_from), or one to begin anew (like).")
    parent = Parent.open(resume_from) if resume_from is not None else None
    name, chosen = named_recipe(recipe, parent.run if parent else Run.open(like) if like is not None else None)
    chosen = chosen.changed(**fields) if fields else chosen
    if parent:
        parent.check(chosen)
    validation = validation_facts(evaluate_every, evaluate_count, metrics, keep_best)
    options = Options(device, precision, snapshots, checkpoint_seconds, offline, progress, watch, autopilot, validation)
    with world(choose_device(device).type) as team:
        say = reporter(progress and team.leads, verbose)
        data = open_recipe_data(chosen, offline, say.read)
        spec = DataSpec(data.shape, tuple(data.classes))
        if autopilot and team.size > 1:
            raise UsageError(f"The autopilot flies in one process, not in {team.size}. Leave out --autopilot.")
        trainer = make_trainer(chosen, spec, data, options, team)  # before anything is written
        validator = validator_for(trainer, options, say)
        facts = provenance(trainer.device.type, precision, snapshots, team.size, fingerprint(trainer))
        facts |= {"watch": watch, "autopilot": autopilot, "judging": validation}
        if parent:
            afresh = inherit(trainer, parent.run.recipe, parent.run.spec, parent.state)
            facts["parent"] = parent.facts(chosen, afresh)
            say.say(f"Goes on from {parent.run.path} at {parent.state.samples:,} samples.")
            if afresh:
                say.say(f"Does not fit and starts afresh: {', '.join(afresh)}.")
        path = Path(out).expanduser() if out is not None else free_folder(name)
        if team.leads:
            state = trainer.state() if parent else None
            Run.create(
                path, recipe=chosen, recipe_name=name, spec=spec, provenance=facts, card=data.card(), state=state
            )
        run = Run.open(team.leader_says(str(path)))
        with run.locked() if team.leads else nullcontext():
            return conduct(run, trainer, options, say, validator)


def named_recipe(recipe: str | BaseRecipe | None, model: Run | None) -> tuple[str, BaseRecipe]:
    """A recipe, by default that of another run, and its name."""
    if recipe is None and model:
        return model.recipe_name, model.recipe
    if isinstance(recipe, BaseRecipe):
        return "custom", recipe
    name = recipe or DEFAULT
    return name, recipes.get(name)


def resume(
    path: str | Path,
    *,
    data: str | None = None,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    offline: bool = False,
    progress: bool = True,
    verbose: bool = False,
) -> Run:
    """Go on with an interrupted run; on the same machine the result is bit-equal to that of an uninterrupted one.

    Args:
        path: The run's directory.
        data: Where the data lie now, if they moved; their fingerprint must be the same.
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
        device, facts.precision, facts.snapshots, checkpoint_seconds, offline, progress, watch=facts.watch,
        autopilot=facts.autopilot, validation=facts.judging.model_dump() if facts.judging else None,
    )  # fmt: skip
    with world(choose_device(device).type) as team:
        say = reporter(progress and team.leads, verbose)
        source = run.recipe.data if data is None else data
        hint = f"If they moved, type: belamy resume {run.path} --data NEW"
        opened = open_recipe_data(run.recipe.changed(data=source), offline, say.read, hint)
        trainer = make_trainer(run.recipe, run.spec, opened, options, team)
        if fingerprint(trainer) != facts.data:
            of = f", which is of {opened.pixels.identity}," if opened.streams else ""
            raise RunError(
                f"The data '{source}' are not those that {run.path} was trained on: their fingerprint{of} differs. "
                f"Restore them, or start anew with `belamy train`. {hint}"
            )
        finished = any(row["event"] == "finish" for row in run.journal())
        validator = None if finished else validator_for(trainer, options, say)
        with run.locked() if team.leads else nullcontext():
            if team.leads and source != run.recipe.data:
                say.say(
                    f"{source} holds the data of {run.path} (the fingerprint agrees), which looks there from now on."
                )
                run.move_data(source)
            if team.leads:
                run.rewind()
            team.leader_says("rewound")
            state = run.load_checkpoint()
            if state is not None:
                trainer.load_state(state)
            if team.leads:
                run.amend_provenance(sessions=[*facts.sessions, session(trainer.device.type, team.size)])
            if trainer.clock.samples >= run.recipe.train_samples:
                say.say(f"{run.path} is finished: {trainer.clock.samples:,} samples. Type `belamy report {run.path}`.")
            return conduct(run, trainer, options, say, validator)


def validation_facts(
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


def validator_for(trainer: Trainer, options: Options, say: Reporter) -> Validator | None:
    """Who judges a method while it trains, in the process that leads; None if nobody does.

    Raises:
        UsageError: A metric is unknown, or the method draws no samples.
    """
    if options.validation is None or not trainer.world.leads:
        return None
    validation = ValidationConfig.parse(options.validation)
    if not isinstance(trainer.method, Samples):
        raise UsageError("This method draws no samples, so none can be judged. Leave --evaluate-every out.")
    return make_validator(validation, trainer.dataset, say, options.offline)


def free_folder(name: str) -> Path:
    """The first of ``runs/<name>-1``, ``-2`` … that does not exist."""
    number = 1
    while (path := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path
