"""Runs are begun, and gone on with, here: data, trainer, run directory and session come together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from belamy.device import choose_device
from belamy.errors import RunError, UsageError
from belamy.methods.base import BaseRecipe
from belamy.progress import Reporter, reporter
from belamy.registry import part_fields
from belamy.runs import files
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.provenance import provenance, session
from belamy.runs.publish import publish
from belamy.runs.run import Run, method_name
from belamy.training.distribution import world
from belamy.training.inheritance import inherit
from belamy.training.planning import Wishes, planned
from belamy.training.session import Validates
from belamy.training.setup import Options, conduct, fingerprint, fitted, make_trainer, open_recipe_data
from belamy.training.trainer import Trainer
from belamy.training.transfer import transfer

MakeValidator = Callable[[Trainer, Options, Reporter], Validates | None]


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

    def check_method(self, recipe: BaseRecipe) -> None:
        """Refuse a recipe that cannot take anything over.

        Raises:
            UsageError: It is of another method.
        """
        if recipe.starts_from == self.run.method_name:
            recipe.check_start(self.run.recipe)
        elif type(recipe) is not type(self.run.recipe):
            raise UsageError(
                f"{self.run.path} was trained by the method '{self.run.method_name}', but the recipe is one of "
                f"'{method_name(recipe)}'. Leave out the recipe's name to take the run's own."
            )

    def check(self, recipe: BaseRecipe) -> None:
        """Refuse a recipe that cannot go on from here.

        Raises:
            UsageError: It is of another method, or has nothing left to see.
        """
        self.check_method(recipe)
        if recipe.train_samples <= self.state.samples:
            raise UsageError(
                f"{self.run.path} has seen {self.state.samples:,} samples, and samples is {recipe.train_samples:,}: it "
                f"counts those too. Give more, e.g. --samples {self.state.samples + recipe.train_samples}."
            )

    def facts(self, recipe: BaseRecipe, afresh: tuple[str, ...]) -> dict[str, Any]:
        """What the provenance of a run with this parent says."""
        before, now = self.run.recipe.model_dump(mode="json"), recipe.model_dump(mode="json")
        changed = {field: [before[field], now[field]] for field in now if now[field] != before.get(field, now[field])}
        path = str(self.run.path.resolve())
        return {"run": path, "samples": self.state.samples, "changed": changed, "afresh": list(afresh)}


def begin(
    name: str,
    recipe: BaseRecipe,
    options: Options,
    *,
    out: str | Path | None = None,
    parent: Parent | None = None,
    ancestor: Parent | None = None,
    validator: MakeValidator | None = None,
    wishes: Wishes | None = None,
) -> Run:
    """Train a recipe into a new run.

    Args:
        name: The recipe's name.
        recipe: What is trained.
        options: How.
        out: The run's directory, new or empty; by default ``runs/<name>-<number>``.
        parent: The run that it goes on from.
        ancestor: The run whose networks' weights it starts with.
        validator: Makes what validates the method while it trains; None for no validation.
        wishes: What the recipe is fitted to the data and the time by; None to train it as it is.

    Raises:
        BelamyError: What is wrong and what to type instead; nothing is written then.
    """
    with world(choose_device(options.device).type) as team:
        say = reporter(options.progress and team.leads, options.verbose)
        if out is not None and team.leads:
            Run.check_free(Path(out).expanduser())
        if wishes is None:
            data = open_recipe_data(recipe, options.offline, say.read)
        else:
            recipe, data, options = planned(recipe, wishes, options, team, say)
        for line in data.remarks():
            say.say(f"Data: {line}.")
        spec = data.spec
        if options.autopilot and team.size > 1:
            raise UsageError(f"The autopilot flies in one process, not in {team.size}. Leave out --autopilot.")
        if not spec.classes and (told := heeding_labels(recipe)):
            say.say(f"{data.name} has no labels, so {told} of the recipe do nothing: no class can be asked for.")
        trainer, options, cost = fitted(recipe, spec, data, options, team, say)  # before anything is written
        if trainer.method.born_of and not (parent or ancestor):
            raise UsageError(
                f"This recipe's {' and '.join(trainer.method.born_of)} begin as those of a trained run of "
                f"'{recipe.starts_from}', and none is named. Type --start-from RUN."
            )
        validates = validator(trainer, options, say) if validator else None
        facts = provenance(trainer.device.type, options.precision, options.snapshots, team.size, fingerprint(trainer))
        facts |= {"watch": options.watch, "autopilot": options.autopilot, "judging": options.validation}
        facts |= {"micro_batch": options.micro_batch, "checkpoint_activations": options.recompute}
        if parent:
            afresh = inherit(trainer, parent.run.recipe, parent.run.spec, parent.state)
            facts["parent"] = parent.facts(recipe, afresh)
            say.say(f"Goes on from {parent.run.path} at {parent.state.samples:,} samples.")
            if afresh:
                say.say(f"Does not fit and starts afresh: {', '.join(afresh)}.")
        origin = descend(trainer, ancestor, say) if ancestor else None
        if ancestor and origin:
            facts["parent"] = ancestor.facts(recipe, tuple(origin["afresh"])) | {"taken": origin["taken"]}
        path = Path(out).expanduser() if out is not None else free_folder(name)
        if team.leads:
            state = trainer.state() if parent or ancestor else None
            Run.create(
                path, recipe=recipe, recipe_name=name, spec=spec, provenance=facts, card=data.card(), state=state,
                origin=origin,
            )  # fmt: skip
        run = Run.open(team.leader_says(str(path)))
        with run.locked() if team.leads else nullcontext():
            return conduct(run, trainer, options, say, validates, cost)


def descend(trainer: Trainer, ancestor: Parent, say: Reporter) -> dict[str, Any]:
    """Let a trainer at its beginning start from another run's networks, and say what was taken over and what was not.

    Raises:
        UsageError: Nothing fits.
    """
    moved = transfer(trainer, ancestor.run.recipe, ancestor.run.spec, ancestor.state)
    say.say(f"Starts from {ancestor.run.path}, and takes over: {', '.join(moved.taken)}.")
    say.say(f"Starts afresh: {', '.join(moved.afresh)}." if moved.afresh else "Nothing starts afresh.")
    return {"run": str(ancestor.run.path), "taken": list(moved.taken), "afresh": list(moved.afresh)}


def go_on(
    run: Run,
    data: str | None = None,
    *,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    offline: bool = False,
    progress: bool = True,
    verbose: bool = False,
    validator: MakeValidator | None = None,
) -> Run:
    """Go on with an interrupted run; one that has ended gets what a kill kept from it; see :func:`belamy.resume`.

    Raises:
        RunError: The run is damaged, or its data have changed.
    """
    facts = run.provenance
    options = Options(
        device, facts.precision, facts.snapshots, checkpoint_seconds, offline, progress, facts.watch, facts.autopilot,
        facts.judging.model_dump() if facts.judging else None, verbose, facts.micro_batch,
        facts.checkpoint_activations,
    )  # fmt: skip
    with world(choose_device(device).type) as team:
        say = reporter(progress and team.leads, verbose)
        source = run.recipe.data if data is None else data
        if source == run.recipe.data and run.finished:
            if team.leads:
                complete(run, say)
            return run
        hint = f"If they moved, type: belamy resume {run.path} --data NEW"
        opened = open_recipe_data(run.recipe.changed(data=source), offline, say.read, hint)
        trainer = make_trainer(run.recipe, run.spec, opened, options, team)
        if fingerprint(trainer) != facts.data:
            of = f", which is of {opened.store.identity}," if opened.streams else ""
            raise RunError(
                f"The data '{source}' are not those that {run.path} was trained on: their fingerprint{of} differs. "
                f"Restore them, or start anew with `belamy train`. {hint}"
            )
        finished = any(row["event"] == "finish" for row in run.journal())
        validates = None if finished or validator is None else validator(trainer, options, say)
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
            return conduct(run, trainer, options, say, validates)


def complete(run: Run, say: Reporter) -> None:
    """Say that a run is finished, and write its report if it was killed before it had one."""
    with run.locked():
        files.sweep(run.path)
    seen, total = run.samples_seen, run.recipe.train_samples
    say.say(f"{run.path} is finished: {seen:,} of {total:,} samples were seen, and nothing is left to train. "
            f"For more: belamy train --resume-from {quote(str(run.path))} --samples {2 * total}")  # fmt: skip
    if not run.reported:
        say.say("It was stopped before its report was written, which is done now.")
        with run.locked():
            publish(run)
        for damaged in run.lost.values():
            say.say(damaged)
    say.close()


def heeding_labels(recipe: BaseRecipe) -> str:
    """The fields of a recipe that have a use for labels alone, in words; empty if there are none."""
    held = part_fields(type(recipe)).items()
    found = [name for name, field in held if "condition" in field.registry.kind]
    found = [name for name in found if getattr(recipe, name).name != "unconditional"]
    found += ["auxiliary"] if getattr(recipe, "auxiliary", 0) else []
    return " and ".join(found)


def free_folder(name: str) -> Path:
    """The first of ``runs/<name>-1``, ``-2`` … that does not exist."""
    number = 1
    while (path := Path("runs") / f"{name}-{number}").exists():
        number += 1
    return path
