"""A training session: the trainer's steps, and what is written and shown in between."""

from __future__ import annotations

import os
import signal
import stat
import threading
from bisect import bisect_right as bisect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from shlex import quote
from time import monotonic
from typing import Any, Protocol

import torch

from belamy.errors import BelamyError, NotFinite
from belamy.evaluation.own import evaluated
from belamy.methods.base import Evaluates, Ratio
from belamy.progress import Reporter
from belamy.runs.media import save_media
from belamy.runs.publish import publish
from belamy.runs.run import Run
from belamy.training.distribution import agree
from belamy.training.pacing import Pace
from belamy.training.snapshots import evaluation_mode, real_pictures, snapshot
from belamy.training.tensorboard import Board
from belamy.training.trainer import Clock, Trainer
from belamy.training.watch.diagnosis import examine, facts
from belamy.training.watch.finding import SEVERITIES, Finding
from belamy.training.watch.history import RunHistory, saved_at
from belamy.training.watch.observe import Watch

ROWS = 500
"""Rows of losses that a whole run writes, about."""
EVALUATIONS = 40
"""Evaluations on held-out data in a whole run, at most."""


class SheetLeft(Exception):
    """A sheet is left unfinished."""


class Validates(Protocol):
    """Measures the samples of a method while it trains."""

    def due(self, before: int, now: int) -> bool:
        """Whether a measurement falls between two numbers of training samples."""
        ...

    def validate(self, trainer: Trainer, run: Run) -> dict[str, Any]:
        """Measure, keep the weights if they are the best so far, and return the row for the run's metrics."""
        ...


@dataclass(frozen=True)
class SessionSettings:
    """What does not decide the outcome of a run.

    Args:
        snapshots: Sheets of samples to draw over the whole run; early ones lie closer together.
        checkpoint_seconds: Save the state at least this often, in seconds of training.
        watch: Look for what goes wrong.
        validator: Judges the method now and then; None for never.
    """

    snapshots: int = 48
    checkpoint_seconds: float = 60.0
    watch: bool = True
    validator: Validates | None = None


class Session:
    """Trains until the recipe's samples are seen or the user interrupts.

    Args:
        run: Where to write; None in a process that does not lead.
        trainer: At the run's beginning or at a checkpoint.
        settings: What does not decide the outcome.
        reporter: Shows the progress.
        pilot: Asked after each look whether to stop there, to go on with another session.
    """

    def __init__(
        self,
        run: Run | None,
        trainer: Trainer,
        settings: SessionSettings,
        reporter: Reporter,
        pilot: Callable[[], bool] | None = None,
    ) -> None:
        self.pilot, self.halted = pilot, False
        self.run, self.trainer, self.settings, self.reporter = run, trainer, settings, reporter
        self.method, self.clock = trainer.method, trainer.clock
        recipe = self.method.recipe
        self.total: int = recipe.train_samples
        steps = -(-self.total // recipe.batch)
        self.log_every = max(1, steps // ROWS)
        points = max(1, min(settings.snapshots, steps))
        self.snapshot_at = [round(steps * (point / points) ** 1.5) * recipe.batch for point in range(1, points + 1)]
        train = len(trainer.dataset.indices("train"))
        self.evaluate_every = max(train, self.total // EVALUATIONS)
        self.saved_at = self.begun_at = monotonic()
        self.begun = Clock(**vars(self.clock))
        self.latest: Mapping[str, float] = {}
        self.board = Board.open(run.path, self.clock.samples) if run else None
        self.watch = Watch(trainer) if settings.watch else None
        self.rows = run.metrics() if run else []
        self.judged_at = max((row["samples"] for row in self.rows if "judged" in row), default=-1)
        self.evaluated_at = max((row["samples"] for row in self.rows if "evaluation" in row), default=-1)
        told = [row for row in (run.journal() if run else []) if row.get("event") == "finding"]
        self.told = {str(row["sign"]): SEVERITIES.index(row["severity"]) for row in told}
        self.findings: list[Finding] = []
        self.sheets, self.looks = Pace(trainer.device), Pace(trainer.device)
        self.interrupted = threading.Event()

    def go(self) -> bool:
        """Train to the end, or until the pilot stops; False if the user interrupted."""
        try:
            with interruptions() as self.interrupted:
                if self.run and self.clock.step == 0:
                    if not self.run.checkpoints():  # one that starts from another run has begun its journal
                        self.run.log("start", 0, recipe=self.run.recipe_name)
                    self.run.save_real(real_pictures(self.trainer))
                    self.snapshot()
                while self.clock.samples < self.total and not self.halted:
                    self.step()
                    if agree(self.interrupted.is_set(), self.trainer.world.size):
                        self.save()
                        self.conclude()
                        return False
            if not self.halted:
                self.finish()
        finally:
            if self.board:
                self.board.close()
        return True

    def step(self) -> None:
        """One step and what is due after it."""
        before = self.clock.samples
        try:
            if self.watch:
                self.watch.approach()
            self.trainer.step()
            if self.clock.step % self.log_every == 0:
                self.measure()
            trained = self.clock.seconds - self.begun.seconds
            if self.watch and self.watch.due(before) and self.looks.allows(trained):
                self.watch.prepare()
                with self.looks.counted():
                    row = self.watch.look()
                self.look(row)
            if bisect(self.snapshot_at, self.clock.samples) > bisect(self.snapshot_at, before) and (
                self.sheets.allows(trained) or self.clock.samples >= self.total
            ):
                self.snapshot()
            if self.clock.samples // self.evaluate_every > before // self.evaluate_every:
                self.evaluate()
            if self.settings.validator and self.settings.validator.due(before, self.clock.samples):
                self.judge(self.settings.validator)
            if monotonic() - self.saved_at >= self.settings.checkpoint_seconds:
                self.save()
        except NotFinite as error:
            raise self.explained(error) from None
        if self.reporter.due():
            figures = self.trainer.tally.peek() or self.latest
            pace = (self.clock.samples - self.begun.samples) / max(monotonic() - self.begun_at, 1e-9)
            self.reporter.show(self.clock.samples, self.total, pace, figures, self.alarm)

    @property
    def speed(self) -> float:
        """Samples per second of training in this session, without looks, evaluations and the like."""
        return (self.clock.samples - self.begun.samples) / max(self.clock.seconds - self.begun.seconds, 1e-9)

    def measure(self) -> None:
        """Write the mean losses and gradient norms since the last row."""
        self.latest = figures = self.trainer.tally.read(self.trainer.world.size)
        if not self.run:
            return
        row: dict[str, Any] = {"samples": self.clock.samples, "step": self.clock.step}
        for name, value in figures.items():
            kind, _, key = name.partition("/")
            row.setdefault(kind, {})[key] = value
        self.record({**row, "seconds": round(self.clock.seconds, 3), "speed": round(self.speed, 1)})
        if self.board:
            self.board.scalars(figures, self.clock.samples)

    def record(self, row: dict[str, Any]) -> None:
        """Keep a row of measured quantities, on disk too."""
        assert self.run
        self.rows.append(row)
        self.run.measure(row)

    def look(self, row: Mapping[str, Any]) -> None:
        """Write what the watch saw, and tell of what it finds for the first time."""
        if self.run:
            self.record({"samples": self.clock.samples, "step": self.clock.step, "watch": row})
            self.tell()
            self.halted = bool(self.pilot and self.pilot())

    def tell(self) -> None:
        """Tell in the journal of each finding that appears or grows graver, and the user of the severe ones."""
        assert self.run
        self.findings = self.examine()
        for finding in self.findings:
            grade = SEVERITIES.index(finding.severity)
            if grade <= self.told.get(finding.sign, -1):
                continue
            self.told[finding.sign] = grade
            self.run.log("finding", self.clock.samples, sign=finding.sign, severity=finding.severity, says=finding.says)
            if finding.severity == "severe":
                typed = f"belamy diagnose {quote(str(self.run.path))}"
                self.reporter.say(
                    f"{self.clock.samples:,} samples: {finding.title}. {finding.says} What may help: {typed}"
                )

    def examine(self) -> list[Finding]:
        """The findings of all signs at present."""
        return examine(self.history())

    def history(self) -> RunHistory:
        """The run so far."""
        assert self.run
        train = len(self.trainer.dataset.indices("train"))
        return RunHistory(
            self.method.recipe, self.rows, self.run.journal(), train, self.method.spec, saved_at(self.run)
        )

    def conclude(self) -> None:
        """Leave the diagnosis to the report."""
        if self.run and self.watch:
            self.run.save_diagnosis(facts(self.history()))

    @property
    def alarm(self) -> str:
        """The gravest finding in two words."""
        grave = [finding for finding in self.findings if finding.severity != "note"]
        return f"{grave[0].title}{'!' if grave[0].severity == 'severe' else '?'}" if grave else ""

    def snapshot(self) -> None:
        """Draw the sheet of samples that shows the progress."""
        if not self.run:
            return
        try:
            with self.trainer.averages.in_place(self.method), self.sheets.counted():
                shown = snapshot(self.trainer, self.stop_if_interrupted)
        except SheetLeft:
            return
        if shown is None:
            return
        self.run.save_snapshot(shown.sheet, self.clock.samples)
        if shown.media:
            save_media(self.run.path, shown.media)
        if self.board:
            self.board.picture(shown.sheet, self.clock.samples)

    def stop_if_interrupted(self, _done: int, _total: int) -> None:
        """Leave a sheet that takes long, for the user wants to end.

        Raises:
            SheetLeft: The user has interrupted.
        """
        if self.interrupted.is_set():
            raise SheetLeft

    def evaluate(self) -> None:
        """Measure the method on held-out data, with averaged weights where averages are kept."""
        splits = self.trainer.dataset.splits
        if not self.run or not isinstance(self.method, Evaluates) or not len(splits.get("test", ())):
            return
        if self.evaluated_at == self.clock.samples:
            return
        self.evaluated_at = self.clock.samples
        with self.trainer.averages.in_place(self.method):
            values = evaluation(self.trainer, "test")
        row = {"samples": self.clock.samples, "step": self.clock.step, "evaluation": values}
        self.record(row)
        self.reporter.say(
            f"{self.clock.samples:,} samples: held-out "
            + "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        )
        if self.board:
            self.board.scalars({f"evaluation/{name}": value for name, value in values.items()}, self.clock.samples)

    def judge(self, validator: Validates) -> None:
        """Judge the method's samples, once at a moment; what cannot be judged is said and does not end the training."""
        now = self.clock.samples
        if not self.run or self.judged_at == now:
            return
        self.judged_at = now
        try:
            row = validator.validate(self.trainer, self.run)
        except BelamyError as error:
            self.run.log("not-judged", now, reason=str(error))
            self.reporter.say(f"{now:,} samples: not judged: {error}")
            return
        self.record(row)
        values = "  ".join(f"{name} {value:.4g}" for name, value in row["judged"].items())
        self.reporter.say(f"{now:,} samples: {values}")
        if self.board:
            self.board.scalars({f"judged/{name}": value for name, value in row["judged"].items()}, now)

    def save(self) -> None:
        """Write a checkpoint, if all weights are finite."""
        self.trainer.check_finite()
        if self.run:
            self.run.save_checkpoint(self.trainer.state())
        self.saved_at = monotonic()

    def finish(self) -> None:
        """Measure once more, and write what a finished run has: weights, checkpoint, animation and report."""
        self.evaluate()
        if self.settings.validator:
            self.judge(self.settings.validator)
        self.save()
        if not self.run:
            return
        best = self.trainer.averages.best(self.method)
        self.run.save_weights({name: network.state_dict() for name, network in best.items()}, self.clock.samples)
        self.conclude()
        self.run.log("finish", self.clock.samples)  # after the checkpoint: resumed from it, a run logs this once more
        publish(self.run)
        for damaged in self.run.lost.values():
            self.reporter.say(damaged)

    def explained(self, error: NotFinite) -> NotFinite:
        """The error with what was kept and what to type."""
        kept = self.run.checkpoints() if self.run else []
        where = f"The last good checkpoint, {int(kept[-1].name):,} samples, is kept." if kept else "Nothing was saved."
        if self.run:
            self.run.log("not-finite", self.clock.samples, reason=str(error))
        self.conclude()
        typed = f", e.g. `belamy train --like {quote(str(self.run.path))} {self._slower()}`" if self.run else ""
        return NotFinite(
            f"Training stopped after {self.clock.samples:,} samples: {error}. {where} Lower a learning rate{typed}, or "
            f"clip: --clip-norm 1."
        )

    def _slower(self) -> str:
        """The option that lowers the first player's learning rate."""
        name, player = next(iter(self.trainer.players.items()))
        recipe = self.method.recipe
        fields = (key for key in type(recipe).model_fields if getattr(recipe, key) is player.optimizer)
        field = next(fields, "optimizer")
        return f"--{field.replace('_', '-')}.lr {self.trainer.optimizers[name].lr / 4:g}"


@torch.no_grad()
def evaluation(trainer: Trainer, split: str) -> dict[str, float]:
    """Means of the method's own measures over a split, in evaluation mode."""
    indices = trainer.dataset.splits[split]
    sums: dict[str, torch.Tensor] = {}
    units: dict[str, torch.Tensor] = {}
    zero = torch.zeros((), dtype=torch.float64)
    with evaluation_mode(trainer):
        for values in evaluated(trainer.method, trainer.dataset, indices):
            for name, value in values.items():
                each, over = value if isinstance(value, Ratio) else (value, torch.ones_like(value))
                sums[name] = sums.get(name, zero) + each.double().sum().cpu()
                units[name] = units.get(name, zero) + over.double().sum().cpu()
    return {name: float(total) / float(units[name]) for name, total in sums.items()}


@contextmanager
def interruptions() -> Iterator[threading.Event]:
    """An event that Ctrl-C, a termination signal or a closed terminal sets; a second one stops at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    closed = getattr(signal, "SIGHUP", None)

    def handle(number: int, _frame: object) -> None:
        if number == closed:
            _leave_terminal()
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if closed is not None and signal.getsignal(closed) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
        numbers.append(closed)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_terminal() -> None:
    """Output to a terminal that is gone would fail before the run is saved: from now on it goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        with suppress(OSError):  # it is closed
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
