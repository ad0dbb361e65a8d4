"""A comparison put together: plan, judge, workers, report."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import sleep
from typing import Any

import torch
from pydantic import ValidationError

from belamy.comparison.display import shown
from belamy.comparison.ledger import FolderLedger, Ledger, beating
from belamy.comparison.outcome import MERIT
from belamy.comparison.plan import Plan, Variant, same_data
from belamy.comparison.report import publish
from belamy.comparison.trial import Busy, Workspace, perform
from belamy.data import Dataset
from belamy.errors import BelamyError, Interrupted, RunError, UsageError, plain
from belamy.evaluation.own import merit_of
from belamy.evaluation.panel import Panel
from belamy.judges.extractors import choose
from belamy.judges.judge import extractor, trained_judge
from belamy.methods.base import METHODS, BaseMethod, Samples
from belamy.methods.requirements import check_fields
from belamy.ranges import Within
from belamy.registry import Part
from belamy.runs import files
from belamy.runs.run import Run, method_name
from belamy.training.setup import open_recipe_data

STOPPED = 130


@dataclass(frozen=True)
class ComparisonConfig:
    """What to compare, before data and judge are known; see :class:`Plan` for the fields."""

    variants: tuple[Variant, ...] = ()
    seeds: int | None = None
    draws: int | None = None
    vary: tuple[str, ...] = ()
    samples: int | None = None
    seconds: float | None = None
    judged: int | None = None


@dataclass(frozen=True)
class Execution:
    """How to go about it; nothing here decides how a trial comes out.

    Args:
        folder: The comparison's folder.
        workers: Processes to start here, each with one thread.
        device: Where to compute.
        offline: Never fetch data from the network.
        storage: Optuna's storage to share the work through, None for the folder itself.
        progress: Show how far it is.
    """

    folder: Path
    workers: int = 1
    device: str = "auto"
    offline: bool = False
    storage: str | None = None
    progress: bool = True


def compare(config: ComparisonConfig, execution: Execution) -> Path:
    """Plan a comparison or go on with one, work until nothing is left to do here, and write its report.

    Returns:
        The report.

    Raises:
        Interrupted: The user stopped it; whatever was done is kept.
        UsageError: The plan cannot be, or is not the one that the folder holds.
    """
    Within(1).check("workers", execution.workers)
    known = Plan.open(execution.folder)
    if (
        known is None
        and execution.folder.exists()
        and (not execution.folder.is_dir() or any(execution.folder.iterdir()))
    ):
        raise RunError(f"{execution.folder} holds no comparison, but is not empty. Give another --out.")
    if known is None and not config.variants:
        raise UsageError("Name the recipes to compare, e.g. digits digits:adversarial=hinge.")
    data = open_recipe_data(same_data(config.variants or known.variants), execution.offline)  # type: ignore[union-attr]
    plan = planned(config, known, data)  # whatever is wrong is told before a judge is trained
    workspace = make_workspace(execution, data, plan.merit, say=print_line if execution.progress else None)
    digest = workspace.panel.extractor.digest if workspace.panel is not None else ""
    if plan.weights not in ("", digest):
        raise RunError(f"{execution.folder / 'judge'} is not the judge that this comparison began with. Restore it.")
    plan = plan.model_copy(update={"weights": digest})
    plan.save(execution.folder)
    if workspace.panel is not None and not (execution.folder / "floor.json").is_file():
        real_baseline = workspace.panel.real_baseline(plan.judged)
        files.write_json(
            execution.folder / "floor.json", {"values": real_baseline.values, "card": str(real_baseline.card)}
        )
    trials = plan.trials()
    ledger = open_ledger(execution)
    with shown(execution.folder, ledger, trials, execution.progress, lambda: publish(execution.folder, plan, ledger)):
        finished = labour(execution, workspace, ledger)
    page = publish(execution.folder, plan, ledger)
    if not finished:
        done = len(ledger.outcomes(trials))
        raise Stopped(execution.folder, done, len(trials))
    return page


class Stopped(BelamyError):
    """The user stopped a comparison, all of which is kept."""

    exit_code = 130

    def __init__(self, folder: Path, done: int, total: int) -> None:
        super().__init__(
            f"Stopped with {done} of {total} trials done; those begun are saved. "
            f"Go on with: belamy compare --out {folder}"
        )


def make_workspace(execution: Execution, data: Dataset, merit: str, say: Any = None) -> Workspace:
    """Data and judge; the judge is kept in the comparison's folder, so that all machines use the very same.

    Where trials are compared by what methods say of themselves there is no judge.
    """
    folder, run = execution.folder / "judge", None
    if merit != MERIT:
        return Workspace(execution.folder, None, data, execution.device, execution.offline)
    if data.field.modality == "image" and data.labels is not None and len(data.classes) > 1:
        with files.locked(execution.folder / "lock"):
            if not folder.is_dir():
                judge = trained_judge(data, say=say)
                left_out = shutil.ignore_patterns("checkpoints", "lock", "samples", "animation.*")
                files.write_directory_atomically(
                    folder, lambda new: shutil.copytree(judge.path, new, ignore=left_out, dirs_exist_ok=True)  # type: ignore[arg-type]
                )  # fmt: skip
        run = Run.open(folder)
    split = "test" if len(data.held_out) > 1 else "train"
    look = extractor(data, run) if data.field.modality == "image" else choose(None, data)
    if say:
        for note in getattr(look, "notes", ()):
            say(note)
    return Workspace(execution.folder, Panel(look, data, split), data, execution.device, execution.offline)


def planned(config: ComparisonConfig, known: Plan | None, data: Dataset) -> Plan:
    """The plan that a wish makes, its judge still unknown, or to which it lets a known one grow.

    Raises:
        UsageError: A number or a recipe that cannot be, or a wish that the known plan forbids.
    """
    facts: dict[str, Any] = {} if known is None else known.model_dump(exclude={"variants"})
    facts |= {"fingerprint": data.fingerprint, "weights": facts.get("weights", "")}
    for name in ("seeds", "draws", "samples", "seconds", "judged"):
        value = getattr(config, name)
        if value is not None:
            facts[name] = value
    facts.setdefault("seeds", 3)
    facts["vary"] = config.vary or facts.get("vary", ())
    variants = config.variants or (() if known is None else known.variants)
    if known is None and config.samples is None and config.seconds is None:
        facts["samples"] = own_budget(variants)
    try:
        made = Plan(variants=variants, **facts)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        given = f"{where} is {first['input']}, but: " if where else ""
        raise UsageError(f"This cannot be compared: {given}{first['msg'].removeprefix('Value error, ')}.") from None
    plan = made if known is None else known.grown(made)
    if plan.draws > 1 and not plan.vary:
        raise UsageError(
            f"{plan.draws} draws of nothing: name what is drawn, e.g. --vary generator_optimizer.lr=1e-5..1e-2:log."
        )
    built = []
    for trial in plan.trials()[: len(plan.variants)]:
        recipe = plan.recipe(trial)
        name = method_name(recipe)
        check_fields(METHODS.load(name), name, recipe, data.spec)
        built.append(METHODS.build(Part(name=name), recipe=recipe, spec=data.spec))
    return plan.model_copy(update={"merit": merit(built, plan.variants, data)})


def merit(methods: Sequence[BaseMethod], variants: Sequence[Variant], data: Dataset) -> str:
    """The number that the trials are compared by: of samples, if all make such as the data are, or of themselves.

    Raises:
        UsageError: There is none that all have.
    """
    if all(isinstance(method, Samples) and method.output[:2] == data.field[:2] for method in methods):
        return MERIT
    for method in methods:
        method.prepare()
    own = {merit_of(method, data) for method in methods}
    if len(own) == 1 and "" not in own:
        return own.pop()
    silent = next((variant.label for variant, method in zip(variants, methods, strict=True)
                   if not isinstance(method, Samples) and not merit_of(method, data)), None)  # fmt: skip
    if silent is not None:
        raise UsageError(
            f"'{silent}' draws no samples, and nothing of it can be measured on held-out data. Leave it out."
        )
    raise UsageError(
        "Some of these draw samples, and others are measured on held-out data by other numbers, so there is none to "
        "compare all by. Compare recipes of one kind."
    )


def own_budget(variants: Sequence[Variant]) -> int:
    """The training samples of the recipes, if they all name the same number.

    Raises:
        UsageError: They do not.
    """
    lengths = {variant.label: variant.made().train_samples for variant in variants}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{label} {samples:,}" for label, samples in lengths.items())
        raise UsageError(
            f"The recipes train for different lengths ({told}). Give all one budget: --samples or --seconds."
        )
    return next(iter(lengths.values()))


def open_ledger(execution: Execution) -> Ledger:
    """The ledger of claims and outcomes."""
    if execution.storage is None:
        return FolderLedger(execution.folder)
    from belamy.comparison.optuna_ledger import OptunaLedger

    return OptunaLedger(execution.storage, execution.folder.name)


def labour(execution: Execution, workspace: Workspace, ledger: Ledger) -> bool:
    """Do trials until none is free; False if the user interrupted."""
    if execution.workers > 1:
        return _children(execution)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        work_through(workspace, ledger)
    except (Interrupted, KeyboardInterrupt):
        return False
    finally:
        torch.set_num_threads(threads)
    return True


def work_through(workspace: Workspace, ledger: Ledger) -> None:
    """Claim and perform one trial after another; the plan is read anew each time, for it may have grown."""
    busy: set[str] = set()
    while (plan := Plan.open(workspace.folder)) is not None:
        claim = ledger.claim([trial for trial in plan.trials() if trial.key not in busy])
        if claim is None:
            return
        try:
            with beating(claim):
                outcome = perform(claim.trial, plan, workspace)
            claim.record(outcome)
        except Busy:
            busy.add(claim.trial.key)
        except (Interrupted, KeyboardInterrupt):
            if not claim.lost:
                raise
            busy.add(claim.trial.key)
        finally:
            claim.release()


def _children(execution: Execution) -> bool:
    """Workers as processes of their own, which Ctrl-C reaches once, through this one."""
    spawn = multiprocessing.get_context("spawn")
    children = [
        spawn.Process(target=_child, args=(replace(execution, workers=1, progress=False), os.getpid()))
        for _ in range(execution.workers)
    ]
    with _handing_on(children) as interrupted:
        for child in children:
            child.start()
        while any(child.is_alive() for child in children):
            sleep(0.1)
    codes = {child.exitcode for child in children} - {0}
    if interrupted.is_set() or codes == {STOPPED}:
        return False
    if codes:
        code = min(codes, key=abs)  # type: ignore[arg-type]
        raise RunError(f"A worker of {execution.folder} failed (exit code {code}): its message is above.")
    return True


def _child(execution: Execution, parent: int) -> None:
    """The life of a worker process."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a Ctrl-C in the terminal comes through the parent alone: a second one would not save
    threading.Thread(target=_orphaned, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    try:
        known = Plan.open(execution.folder)
        assert known is not None  # the parent has planned
        data = open_recipe_data(same_data(known.variants), execution.offline)
        work_through(make_workspace(execution, data, known.merit), open_ledger(execution))
    except (Interrupted, KeyboardInterrupt):
        sys.exit(STOPPED)
    except BelamyError as error:
        sys.stderr.write(f"belamy: {error}\n")
        sys.exit(error.exit_code)


def _orphaned(parent: int) -> None:
    """Stop this process, its work saved, when its parent is gone."""
    while os.getppid() == parent:
        sleep(2)
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def _handing_on(children: Sequence[Any]) -> Iterator[threading.Event]:
    """Within this context Ctrl-C and termination go to the children; the event tells that they did."""
    event = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        event.set()
        for child in children:
            if child.pid is not None and child.is_alive():
                os.kill(child.pid, signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_line(text: str) -> None:
    """A message for the user."""
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(plain(text), soft_wrap=True)
