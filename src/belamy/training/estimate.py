"""What a run will cost, measured on a few steps before it starts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import median
from time import monotonic, thread_time
from typing import NamedTuple

from belamy.methods.base import Samples
from belamy.progress import duration
from belamy.sampling.draw import draw, takes_sampling
from belamy.training.distribution import agree
from belamy.training.memory import MemoryUse, Needs, Probe, beside, size
from belamy.training.pacing import slowed
from belamy.training.trainer import Clock, Trainer

TRIAL_STEPS = 3
TRIAL_SECONDS = 2.0
"""All that is tried at a moment of the run."""
LARGE_SECONDS, LARGE_SHARE = 30.0, 0.01
"""How long a step with all its samples may take at most and still be tried; and as a share of the run."""
MOMENTS = 5
"""Moments of the run at which a network that grows is timed."""
SHEET, PART = 64, 8
"""Samples of a snapshot, and how many are drawn at a time by what does not tell how far it is."""


@dataclass(frozen=True)
class Estimate:
    """Seconds and memory that training is expected to take, and samples per second."""

    seconds: float
    memory: MemoryUse
    speed: float

    def __str__(self) -> str:
        speed = f"{self.speed:,.0f}" if self.speed >= 10 else f"{self.speed:.2g}"
        return f"about {duration(self.seconds)}, {size(self.memory.total)} of memory, {speed} samples/s"


@dataclass(frozen=True)
class Cost:
    """What a run holds, and its samples per second on the mean over the rest of it."""

    memory: MemoryUse
    speed: float


class TrialSpeed(NamedTuple):
    """Samples per second that trial steps show.

    Args:
        now: As things are.
        alone: On the same machine if no other process took its processor; as ``now`` where that cannot be told.
    """

    now: float
    alone: float


class Enough(Exception):
    """What was measured tells how long the rest will take."""


def estimate(trainer: Trainer, snapshots: int = 0, cost: Cost | None = None) -> Estimate:
    """Time and memory of the rest of a run with its snapshots.

    Memory is told by steps of few samples, so nothing larger than the run is ever tried. Steps that take long are timed
    with fewer samples too. Of a network that grows, steps are timed at several moments of the run.

    Args:
        trainer: Where the run is; it is left alone.
        snapshots: How many sheets are drawn.
        cost: What the run costs; by default trial steps on a copy, which is thrown away, tell.
    """
    if cost is None:
        needs = needs_of(trainer)
        micro = needs.share // trainer.parts
        cost = Cost(needs.memory(micro, trainer.parts), speed(needs, micro, trainer.parts, LARGE_SECONDS).now)
    left = max(trainer.method.recipe.train_samples - trainer.clock.samples, 0)
    seconds = slowed(left / cost.speed, sheet_seconds(trainer) if snapshots else 0.0, snapshots)
    return Estimate(seconds, cost.memory, cost.speed)


def needs_of(trainer: Trainer) -> Needs:
    """What a trainer's steps need, by a copy of it."""
    process = beside(trainer)
    return Needs(Probe.of(trainer), process)


def speed(needs: Needs, micro: int, parts: int, longest: float = TRIAL_SECONDS) -> TrialSpeed:
    """Samples per second, on the mean over the rest of the run, from trial steps.

    What a step takes where no other process disturbs it is the processor time of the thread that leads it: this one
    waits for the others, and what it waits for its turn does not count. On other devices, of several processes, and
    where samples are read from disk meanwhile, it is not told.

    Args:
        needs: What knows the steps.
        micro: Samples of a micro-batch.
        parts: Micro-batches of a step.
        longest: Seconds that a step may take and still be tried with all its samples, in a run of a hundred times that.
    """
    recipe, now = needs.probe.method.recipe, needs.now
    moments = MOMENTS if needs.grows else 1
    times = [now + round((recipe.train_samples - now) * (each + 0.5) / moments) for each in range(moments)]
    tried, some = _affordable(needs, micro, parts, TRIAL_SECONDS / moments, longest / moments / len(needs.beats))
    now_seconds, alone_seconds, seen = 0.0, 0.0, 0
    for at in times:
        for step, share in needs.beats:
            now_taken, alone_taken = _timed(needs, tried, some, Clock(at, step), TRIAL_SECONDS / moments)
            now_seconds += share * now_taken / moments
            alone_seconds += share * alone_taken / moments
        seen = needs.probe.clock.samples - at
    return TrialSpeed(seen / now_seconds, seen / alone_seconds)


def _affordable(needs: Needs, micro: int, parts: int, usual: float, longest: float) -> tuple[int, int]:
    """Samples of a micro-batch, and how many of those, of a step that may be tried."""
    few, probe = min(needs.few, micro), needs.probe
    often = max(needs.beats, key=lambda beat: beat[1])[0]
    one = probe.play(few, 1, Clock(needs.samples, often)) / few
    run = one * max(probe.method.recipe.train_samples - needs.now, 0)
    budget = max(usual, min(longest, LARGE_SHARE * run))
    tried = micro
    if one * micro * parts > budget:
        parts = min(parts, 2)
        while tried > few and one * tried * parts > budget:
            tried = max(tried // 2, few)
    told = probe.world.leader_says(f"{tried} {parts}")  # all processes must try the same
    tried, parts = map(int, told.split())
    return tried, parts


def _timed(needs: Needs, micro: int, parts: int, clock: Clock, budget: float) -> tuple[float, float]:
    """The medians of a few steps' seconds, and of what they would be without other processes; all processes try
    equally often, for a step waits for the gradients of every one."""
    probe, trials = needs.probe, list[float]()
    size, started = probe.world.size, thread_time()
    own = []
    while not trials or (len(trials) < TRIAL_STEPS and agree(sum(trials) < budget, size)):
        trials.append(probe.play(micro, parts, replace(clock)))
        own.append(thread_time() - started)
        started += own[-1]
    known = probe.device.type == "cpu" and size == 1 and not probe.dataset.streams
    now = median(trials)
    return now, min(now, median(own)) if known else now


def sheet_seconds(trainer: Trainer) -> float:
    """How long one snapshot takes; one that takes long is left when it can be told."""
    method, started = trainer.method, monotonic()
    share = 1.0

    def report(done: int, total: int) -> None:
        nonlocal share
        if monotonic() - started >= TRIAL_SECONDS and 0 < done < total:
            share = done / total
            raise Enough

    with suppress(Enough):
        if isinstance(method, Samples):
            draw(method, SHEET, seed=method.recipe.seed, batch=SHEET if takes_sampling(method) else PART, report=report)
    return (monotonic() - started) / share
