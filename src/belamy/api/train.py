"""Training from Python: a recipe becomes a run, or a run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from belamy import recipes
from belamy.errors import UsageError
from belamy.judges.validation import ValidationConfig, Validator, make_validator
from belamy.methods.base import BaseRecipe, Samples
from belamy.progress import Reporter
from belamy.runs.run import Run
from belamy.training import launch
from belamy.training.launch import Parent
from belamy.training.planning import Wishes
from belamy.training.plans import PLANS
from belamy.training.setup import Options
from belamy.training.trainer import Trainer


def train(
    recipe: str | BaseRecipe | None = None,
    *,
    resume_from: str | Path | None = None,
    start_from: str | Path | None = None,
    like: str | Path | None = None,
    minutes: float | None = None,
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
    micro_batch: int | None = None,
    checkpoint_activations: bool = False,
    memory: str | None = None,
    **fields: Any,
) -> Run:
    """Train a recipe and return its run.

    Args:
        recipe: A recipe or the name of one; ``belamy recipes`` lists them. By default ``digits``, or the recipe of the
            run in ``resume_from``.
        resume_from: A run whose newest checkpoint the new run starts from. What fits the recipe is taken over: weights,
            averages, moments of the optimisers. The clock goes on, so ``samples`` counts those of that run too.
        start_from: A run whose networks' weights the new run starts with, as far as they fit: other data, another size
            or another recipe of the same method. The clock and the optimisers begin anew; what was taken over and what
            was not is said, and noted in the journal and the provenance. Without a recipe it is that run's.
        like: A run whose recipe is trained from the beginning.
        minutes: How long it may train, snapshots and report included: the number of samples is chosen for it, by a few
            steps beforehand. By default the recipe says the number; ``pictures`` takes half an hour.
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
        micro_batch: Samples that are taken at a time, to save memory; it must divide the batch. None for all.
        checkpoint_activations: Compute what lies within the networks' blocks again for the gradients, to save memory.
        memory: Stay below so much, e.g. ``8GB``: the micro-batch is chosen by it, and whether activations are computed
            again.
        fields: Fields of the recipe to change, e.g. ``data="photos"``, ``samples=100_000``.

    Raises:
        BelamyError: What is wrong and what to type instead.

    Example:
        >>> run = train("dcgan-mnist", samples=512, out="runs/first")  # doctest: +SKIP
    """
    others = sum(given is not None for given in (resume_from, start_from, like))
    if others + (like is not None and recipe is not None) > 1:
        raise UsageError("Name either a recipe, or a run to go on from (--resume-from), or one to start from with "
                         "other data (--start-from), or one to begin anew (--like).")  # fmt: skip
    refuse_minutes(minutes, fields, resume_from)
    parent = Parent.open(resume_from) if resume_from is not None else None
    ancestor = Parent.open(start_from) if start_from is not None else None
    held = parent or ancestor
    name, chosen = named_recipe(recipe, held.run if held else Run.open(like) if like is not None else None,
                                fields.get("data"))  # fmt: skip
    chosen.check_sides(fields)
    chosen = chosen.changed(**fields) if fields else chosen
    if parent:
        parent.check(chosen)
    if ancestor:
        ancestor.check_method(chosen)
    validation = validation_facts(evaluate_every, evaluate_count, metrics, keep_best)
    options = Options(
        device, precision, snapshots, checkpoint_seconds, offline, progress, watch, autopilot, validation, verbose,
        micro_batch, checkpoint_activations, memory,
    )  # fmt: skip
    own = recipe is None and ancestor is not None
    plan = name if parent is None and like is None and not own and name in PLANS.names() else ""
    given = {chosen.present_name(field): value for field, value in fields.items()}
    wishes = Wishes(plan, given, minutes) if plan or minutes is not None else None
    return launch.begin(name, chosen, options, out=out, parent=parent, ancestor=ancestor, validator=validator_for,
                        wishes=wishes)  # fmt: skip


def refuse_minutes(minutes: float | None, fields: Mapping[str, Any], resume_from: str | Path | None) -> None:
    """Refuse a time that is none, or that stands beside another length of the run.

    Raises:
        UsageError: What to leave out.
    """
    if minutes is None:
        return
    if not 0 < minutes < inf:
        raise UsageError(f"minutes is {minutes:g}, but it must be a time above 0, e.g. --minutes 30.")
    if {BaseRecipe.present_name(name) for name in fields} & {"train_samples"}:
        raise UsageError("--minutes and --samples both say how long to train. Leave out one of them.")
    if resume_from is not None:
        raise UsageError("--resume-from counts samples on from another run: say --samples instead of --minutes.")


def named_recipe(recipe: str | BaseRecipe | None, model: Run | None, data: str | None) -> tuple[str, BaseRecipe]:
    """A recipe, by default that of another run or the one for own pictures, and its name."""
    if recipe is None and model:
        return model.recipe_name, model.recipe
    if isinstance(recipe, BaseRecipe):
        return "custom", recipe
    name = recipe or recipes.default_for(data)
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
    return launch.go_on(
        Run.open(path), data, device=device, checkpoint_seconds=checkpoint_seconds, offline=offline, progress=progress,
        verbose=verbose, validator=validator_for,
    )  # fmt: skip


def validation_facts(
    every: int | None, count: int, metrics: Sequence[str], keep_best: str | None
) -> dict[str, Any] | None:
    """How a run is judged while it trains, as its provenance holds it; None if it is not.

    Raises:
        UsageError: What is to be done is not to be done at any time, or cannot be.
    """
    if every is not None:
        validation = ValidationConfig(every, count, tuple(metrics), keep_best)
        validation.check()
        return {**validation.facts(), "metrics": list(metrics)}
    if keep_best is not None or metrics:
        option = "--keep-best" if keep_best is not None else "--metrics"
        raise UsageError(f"{option} says what to do when samples are judged. Say when: --evaluate-every SAMPLES.")
    return None


def validator_for(trainer: Trainer, options: Options, say: Reporter) -> Validator | None:
    """The validator of a method while it trains, in the process that leads; None where none was asked for.

    Raises:
        UsageError: A metric is unknown, or the method draws no samples.
    """
    if options.validation is None or not trainer.world.leads:
        return None
    validation = ValidationConfig.parse(options.validation)
    if not isinstance(trainer.method, Samples):
        raise UsageError("This method draws no samples, so none can be judged. Leave --evaluate-every out.")
    return make_validator(validation, trainer.dataset, say, options.offline)
