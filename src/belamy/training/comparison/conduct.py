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

from belamy.data import Dataset
from belamy.errors import BelamyError, Interrupted, RunError, UsageError
from belamy.evaluation.panel import Panel
from belamy.methods.base import METHODS, Domain
from belamy.runs import files
from belamy.runs.run import Run, method_name
from belamy.shelf import Part
from belamy.training.comparison.display import shown
from belamy.training.comparison.ledger import FolderLedger, Ledger, beating
from belamy.training.comparison.plan import Plan, Variant, same_data
from belamy.training.comparison.report import publish
from belamy.training.comparison.trial import Bench, Busy, perform
from belamy.training.judge import alone, extractor, trained_judge
from belamy.training.start import open_recipe_data

STOPPED = 130


@dataclass(frozen=True)
class Wish:
    """What to compare, before data and judge are known; see :class:`Plan` for the fields."""

    variants: tuple[Variant, ...] = ()
    seeds: int | None = None
    draws: int | None = None
    vary: tuple[str, ...] = ()
    samples: int | None = None
    seconds: float | None = None
    judged: int | None = None


@dataclass(frozen=True)
class Work:
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


def compare(wish: Wish, work: Work) -> Path:
    """Plan a comparison or go on with one, work until nothing is left to do here, and write its report.

    Returns:
        The report.

    Raises:
        Interrupted: The user stopped it; whatever was done is kept.
        UsageError: The plan cannot be, or is not the one that the folder holds.
    """
    if work.workers < 1:
        raise UsageError(f"workers is {work.workers}, but it must be at least 1.")
    known = Plan.open(work.folder)
    if known is None and work.folder.exists() and (not work.folder.is_dir() or any(work.folder.iterdir())):
        raise RunError(f"{work.folder} holds no comparison, but is not empty. Give another --out.")
    if known is None and not wish.variants:
        raise UsageError("Name the recipes to compare, e.g. digits digits:adversarial=hinge.")
    data = open_recipe_data(same_data(wish.variants or known.variants), work.offline)  # type: ignore[union-attr]
    plan = planned(wish, known, data)  # whatever is wrong is told before a judge is trained
    bench = make_bench(work, data, say=print_line if work.progress else None)
    if plan.weights not in ("", bench.panel.extractor.digest):
        raise RunError(f"{work.folder / 'judge'} is not the judge that this comparison began with. Restore it.")
    plan = plan.model_copy(update={"weights": bench.panel.extractor.digest})
    plan.save(work.folder)
    if not (work.folder / "floor.json").is_file():
        floor = bench.panel.floor(plan.judged)
        files.write_json(work.folder / "floor.json", {"values": floor.values, "card": str(floor.card)})
    trials = plan.trials()
    ledger = open_ledger(work)
    with shown(work.folder, ledger, trials, work.progress, lambda: publish(work.folder, plan, ledger)):
        finished = labour(work, bench, ledger)
    page = publish(work.folder, plan, ledger)
    if not finished:
        done = len(ledger.outcomes(trials))
        raise Stopped(work.folder, done, len(trials))
    return page


class Stopped(BelamyError):
    """The user stopped a comparison, all of which is kept."""

    exit_code = 130

    def __init__(self, folder: Path, done: int, total: int) -> None:
        super().__init__(
            f"Stopped with {done} of {total} trials done; those begun are saved. "
            f"Go on with: belamy compare --out {folder}"
        )


def make_bench(work: Work, data: Dataset, say: Any = None) -> Bench:
    """Data and judge; the judge is kept in the comparison's folder, so that all machines use the very same."""
    folder, run = work.folder / "judge", None
    if data.labels is not None and len(data.classes) > 1:
        with alone(work.folder / "lock"):
            if not folder.is_dir():
                judge = trained_judge(data, say=say)
                left_out = shutil.ignore_patterns("checkpoints", "lock", "samples", "animation.*")
                files.write_directory_atomically(
                    folder, lambda new: shutil.copytree(judge.path, new, ignore=left_out, dirs_exist_ok=True)  # type: ignore[arg-type]
                )  # fmt: skip
        run = Run.open(folder)
    split = "test" if len(data.splits.get("test", ())) > 1 else "train"
    return Bench(work.folder, Panel(extractor(data, run), data, split), data, work.device, work.offline)


def planned(wish: Wish, known: Plan | None, data: Dataset) -> Plan:
    """The plan that a wish makes, its judge still unknown, or to which it lets a known one grow.

    Raises:
        UsageError: A number or a recipe that cannot be, or a wish that the known plan forbids.
    """
    facts: dict[str, Any] = {} if known is None else known.model_dump(exclude={"variants"})
    facts |= {"fingerprint": data.fingerprint, "weights": facts.get("weights", "")}
    for name in ("seeds", "draws", "samples", "seconds", "judged"):
        value = getattr(wish, name)
        if value is not None:
            facts[name] = value
    facts.setdefault("seeds", 3)
    facts["vary"] = wish.vary or facts.get("vary", ())
    variants = wish.variants or (() if known is None else known.variants)
    if known is None and wish.samples is None and wish.seconds is None:
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
    domain = Domain(data.shape, tuple(data.classes))
    for trial in plan.trials()[: len(plan.variants)]:
        recipe = plan.recipe(trial)
        METHODS.build(Part(name=method_name(recipe)), recipe=recipe, domain=domain)
    return plan


def own_budget(variants: Sequence[Variant]) -> int:
    """The training samples of the recipes, if they all name the same number.

    Raises:
        UsageError: They do not.
    """
    lengths = {variant.label: variant.made().samples for variant in variants}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{label} {samples:,}" for label, samples in lengths.items())
        raise UsageError(
            f"The recipes train for different lengths ({told}). Give all one budget: --samples or --seconds."
        )
    return next(iter(lengths.values()))


def open_ledger(work: Work) -> Ledger:
    """Where claims and outcomes are kept."""
    if work.storage is None:
        return FolderLedger(work.folder)
    from belamy.training.comparison.optuna_ledger import OptunaLedger

    return OptunaLedger(work.storage, work.folder.name)


def labour(work: Work, bench: Bench, ledger: Ledger) -> bool:
    """Do trials until none is free; False if the user interrupted."""
    if work.workers > 1:
        return _children(work)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        work_through(bench, ledger)
    except (Interrupted, KeyboardInterrupt):
        return False
    finally:
        torch.set_num_threads(threads)
    return True


def work_through(bench: Bench, ledger: Ledger) -> None:
    """Claim and perform one trial after another; the plan is read anew each time, for it may have grown."""
    busy: set[str] = set()
    while (plan := Plan.open(bench.folder)) is not None:
        claim = ledger.claim([trial for trial in plan.trials() if trial.key not in busy])
        if claim is None:
            return
        try:
            with beating(claim):
                claim.record(perform(claim.trial, plan, bench))
        except Busy:
            busy.add(claim.trial.key)
        except (Interrupted, KeyboardInterrupt):
            if not claim.lost:
                raise
            busy.add(claim.trial.key)


def _children(work: Work) -> bool:
    """Workers as processes of their own, which Ctrl-C reaches once, through this one."""
    spawn = multiprocessing.get_context("spawn")
    children = [
        spawn.Process(target=_child, args=(replace(work, workers=1, progress=False), os.getpid()))
        for _ in range(work.workers)
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
        raise RunError(f"A worker of {work.folder} failed (exit code {min(codes, key=abs)}): its message is above.")  # type: ignore[arg-type]
    return True


def _child(work: Work, parent: int) -> None:
    """The life of a worker process."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a Ctrl-C in the terminal comes through the parent alone: a second one would not save
    threading.Thread(target=_orphaned, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    try:
        known = Plan.open(work.folder)
        assert known is not None  # the parent has planned
        data = open_recipe_data(same_data(known.variants), work.offline)
        work_through(make_bench(work, data), open_ledger(work))
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

    Console().print(text, soft_wrap=True)
