"""The autopilot: applies what the watch advises, and takes it back if it made things worse.

It decides at the watch's looks alone, from what lies on disk, so a run that was killed goes on as if it had not been.
What it did are events of the journal: ``remedy`` with the changed fields, then ``kept`` or ``back-out``; the recipe of
any moment is ``recipe.json`` with the changes of the remedies before it that were not backed out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from belamy.errors import NotFinite, UsageError
from belamy.methods.base import BaseRecipe
from belamy.progress import Reporter
from belamy.runs.run import Run
from belamy.training.inheritance import inherit
from belamy.training.session import Session, SessionSettings
from belamy.training.tally import Tally
from belamy.training.trainer import Clock, Trainer
from belamy.training.watch.diagnosis import examine
from belamy.training.watch.finding import Finding, Remedy
from belamy.training.watch.history import RunHistory

PATIENCE = 3
"""Looks for which a remedy is tried, and looks left alone after one was taken back."""
WORTHLESS, EARLY = 0.1, 0.6
"""Quality below which what was learned is not worth keeping, and share of the run until which one can begin anew."""
ATTEMPTS = 8
"""Remedies in a run, at most."""
LATEST = 0.8
"""Share of the run after which nothing is tried any more."""
MARGIN = 0.1
"""Loss of quality, on a scale from 0 to 2, from which things are worse."""
KEPT_OUT = {"data", "size", "fit", "channels", "labels", "levels", "only", "train_samples", "seed"}
"""Fields that no autopilot changes: with others it would be another experiment."""


@dataclass(frozen=True)
class Attempt:
    """A remedy to try.

    Args:
        finding: What is wrong.
        remedy: What may help.
        afresh: Whether the networks are to begin anew, since what they learned is worthless.
    """

    finding: Finding
    remedy: Remedy
    afresh: bool = False


@dataclass(frozen=True)
class RemedyResult:
    """What became of a remedy.

    Args:
        before: Quality before it, None where it cannot be told.
        after: Quality with it, likewise.
        diverged: Whether training met NaN or infinity with it.
    """

    before: float | None = None
    after: float | None = None
    diverged: bool = False

    @property
    def worse(self) -> bool:
        """Whether the remedy is to be taken back."""
        told = self.before is not None and self.after is not None
        return self.diverged or (told and self.after < self.before - MARGIN)  # type: ignore[operator]


Move = Attempt | RemedyResult


def decide(history: RunHistory, findings: Sequence[Finding], applies: Callable[[Remedy], bool]) -> Move | None:
    """What to do now, a function of the course alone.

    Args:
        history: The run so far.
        findings: What the watch finds in it, the gravest first.
        applies: Whether a remedy can be applied in the middle of this run.
    """
    moves = moves_of(history)
    happened, when = (moves[-1]["event"], int(moves[-1]["samples"])) if moves else ("", -1)
    looks = looks_at(history)
    since = [look for look in looks if look > when]
    if happened in ("remedy", "back-out") and len(since) < PATIENCE:
        return None
    if happened == "remedy":
        before = [look for look in looks if look <= when]
        return RemedyResult(quality(history, before[-PATIENCE:]), quality(history, since))
    found = advised(history, findings, applies)
    good = quality(history, looks[-PATIENCE:])
    worthless = good is not None and good < WORTHLESS and history.progress < EARLY
    return replace(found, afresh=worthless) if found else None


def advised(history: RunHistory, findings: Sequence[Finding], applies: Callable[[Remedy], bool]) -> Attempt | None:
    """The first remedy of a severe finding that applies and was not taken back before."""
    moves = moves_of(history)
    failed = [row["changes"] for row in moves if row["event"] == "back-out"]
    if history.progress > LATEST or sum(row["event"] == "remedy" for row in moves) >= ATTEMPTS:
        return None
    for finding in findings:
        for remedy in finding.remedies if finding.severity == "severe" else ():
            if remedy.changes and written(history.recipe, remedy) not in failed and applies(remedy):
                return Attempt(finding, remedy)
    return None


def moves_of(history: RunHistory) -> list[Mapping[str, Any]]:
    """The autopilot's actions, oldest first."""
    return [row for row in history.events if row.get("event") in ("remedy", "kept", "back-out")]


def lately(history: RunHistory) -> RunHistory:
    """The course since the networks last began anew, without what stopped an earlier attempt."""
    moves = moves_of(history)
    begun = max((row["samples"] for row in moves if row.get("afresh")), default=-1)
    last = moves[-1]["samples"] if moves else -1
    events = [row for row in history.events if row["event"] != "not-finite" or row["samples"] > last]
    return replace(history, rows=[row for row in history.rows if row["samples"] > begun], events=events)


def looks_at(history: RunHistory) -> list[int]:
    """Training samples seen at each look."""
    return [row["samples"] for row in history.rows if "watch" in row]


def quality(history: RunHistory, looks: Sequence[int]) -> float | None:
    """Mean over some looks of precision and coverage together, as the watch measures them; None where it does not."""
    parts = []
    for name in ("precision", "coverage"):
        samples, values = history.series(f"watch.{name}")
        parts.append(values[np.isin(samples, looks)])
    return float(np.mean(parts[0]) + np.mean(parts[1])) if all(map(len, parts)) else None


def written(recipe: BaseRecipe, remedy: Remedy) -> dict[str, Any]:
    """A remedy's changes as plain data."""
    fields = recipe.changed(**remedy.changes).model_dump(mode="json")
    return {name: fields[name] for name in remedy.changes}


class Autopilot:
    """Trains like a session, with changes of the recipe on the way.

    Args:
        run: Where to write.
        trainer: At the run's beginning or at a checkpoint.
        settings: What does not decide the outcome.
        reporter: Shows the progress.
        remade: Makes a trainer at the beginning of another recipe.
    """

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        settings: SessionSettings,
        reporter: Reporter,
        remade: Callable[[BaseRecipe], Trainer],
    ) -> None:
        self.run, self.trainer, self.settings, self.reporter, self.remade = run, trainer, settings, reporter, remade
        self.session: Session

    def go(self) -> bool:
        """Train to the end; False if the user interrupted."""
        while True:
            self.session = Session(self.run, self.trainer, self.settings, self.reporter, pilot=self.wants)
            if self.at_look() and (move := self.move()) is not None:  # stopped between a look and what follows from it
                self.make(move)
                continue
            try:
                finished = self.session.go()
            except NotFinite:
                if not self.recovers():
                    raise
                continue
            if not finished or not self.session.halted:
                return finished

    def wants(self) -> bool:
        """Whether to stop the session after this look and act."""
        return self.move() is not None

    def at_look(self) -> bool:
        """Whether the watch has just looked."""
        now = self.trainer.clock.samples
        return any("watch" in row for row in self.session.rows if row["samples"] == now)

    def recovers(self) -> bool:
        """After NaN: take back the remedy that is being tried, or try one from the beginning; False without any."""
        moves = moves_of(self.session.history())
        last = moves[-1] if moves and moves[-1]["event"] == "remedy" else None
        if last is not None and not last["afresh"]:
            self.make(RemedyResult(diverged=True))
            return True
        recipe = self.trainer.method.recipe
        if last is not None:
            recipe = recipe.changed(**last["was"])
            self.run.log(
                "back-out", self.trainer.clock.samples, changes=last["changes"], sign=last["sign"], diverged=True
            )
        history = replace(self.session.history(), recipe=recipe)
        found = advised(history, examine(history), self.applies)
        if found is not None:
            self.trainer, clock = self.remade(recipe), self.trainer.clock
            self.go_on_at(clock, self.session.trainer.batches.position * self.session.method.recipe.batch)
            self.make(replace(found, afresh=True))
        return found is not None

    def move(self) -> Move | None:
        """The action to take at this look."""
        history = self.session.history()
        return decide(history, examine(lately(history)), self.applies)

    def applies(self, remedy: Remedy) -> bool:
        """Whether everything that was learned fits the recipe with the remedy, and nothing is to be learned anew."""
        if KEPT_OUT & remedy.changes.keys():
            return False
        try:
            changed = self.remade(self.trainer.method.recipe.changed(**remedy.changes))
        except UsageError:  # such networks cannot be made for these images
            return False
        return _shapes(changed.method) == _shapes(self.trainer.method)

    def make(self, move: Move) -> None:
        """Act, and save how things are then, so that a run that is killed goes on from there."""
        if isinstance(move, Attempt):
            self.attempt(move)
        elif move.worse:
            self.back_out(move)
        else:
            self.run.log("kept", self.trainer.clock.samples, before=move.before, after=move.after)
        self.run.save_checkpoint(self.trainer.state())
        if isinstance(move, RemedyResult):
            self.run.drop_fallback()
        self.run = Run.open(self.run.path)

    def attempt(self, move: Attempt) -> None:
        """Go on with the remedied recipe; the present state is kept to fall back to."""
        before, state = self.trainer, self.trainer.state()
        self.run.save_fallback(state)
        changes, fields = written(before.method.recipe, move.remedy), before.method.recipe.model_dump(mode="json")
        self.run.log(
            "remedy", state.samples, sign=move.finding.sign, why=move.remedy.why, changes=changes,
            was={name: fields[name] for name in changes}, afresh=move.afresh,
        )  # fmt: skip
        anew = ", beginning anew" if move.afresh else ""
        self.reporter.say(
            f"{state.samples:,} samples: autopilot against {move.finding.title}: {move.remedy.why}{anew}."
        )
        self.trainer = self.remade(before.method.recipe.changed(**move.remedy.changes))
        if move.afresh:
            self.go_on_at(before.clock, before.batches.position * before.method.recipe.batch)
        else:
            inherit(self.trainer, before.method.recipe, before.method.spec, state)

    def back_out(self, verdict: RemedyResult) -> None:
        """Go on from the state before the remedy with the recipe before it; the clock goes on, for time was spent."""
        remedy = next(row for row in reversed(self.run.journal()) if row["event"] == "remedy")
        spent = self.trainer
        self.run.log(
            "back-out", spent.clock.samples, sign=remedy["sign"], changes=remedy["changes"],
            before=verdict.before, after=verdict.after, diverged=verdict.diverged,
        )  # fmt: skip
        self.reporter.say(f"{spent.clock.samples:,} samples: autopilot takes back: {remedy['why']}.")
        self.trainer = self.remade(spent.method.recipe.changed(**remedy["was"]))
        self.trainer.load_state(self.run.load_fallback())
        self.trainer.tally = Tally()
        self.go_on_at(spent.clock, spent.batches.position * spent.method.recipe.batch)

    def go_on_at(self, clock: Clock, drawn: int) -> None:
        """Set the trainer's clock, and its data to where so many images were drawn."""
        self.trainer.clock = replace(clock)
        self.trainer.batches = self.trainer.open_batches(-(-drawn // self.trainer.method.recipe.batch))


def _shapes(method: nn.Module) -> Mapping[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in method.named_parameters()}
