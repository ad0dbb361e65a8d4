"""What a run will cost, measured on a few steps before it starts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

from belamy.methods.base import Samples
from belamy.progress import duration
from belamy.sampling.draw import draw, takes_sampling
from belamy.training.distribution import agree
from belamy.training.memory import FEW, MemoryUse, Needs, size
from belamy.training.pacing import slowed
from belamy.training.trainer import Clock, Trainer

TRIAL_STEPS = 3
TRIAL_SECONDS = 2.0
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


class Enough(Exception):
    """What was measured tells how long the rest will take."""


def estimate(trainer: Trainer, snapshots: int = 0) -> Estimate:
    """Time and memory of the rest of a run with its snapshots, from trial steps on a copy that is thrown away.

    Memory is told by steps of few samples, so nothing larger than the run is ever tried. Steps that take long are timed
    with fewer samples too. Of a network that grows, steps are timed at several moments of the run.
    """
    recipe, needs = trainer.method.recipe, Needs(trainer)
    micro = needs.share // trainer.parts
    memory = needs.memory(micro, trainer.parts)
    step, samples = _step_seconds(needs, trainer, micro)
    left = max(recipe.train_samples - trainer.clock.samples, 0)
    seconds = slowed(left / samples * step, sheet_seconds(trainer) if snapshots else 0.0, snapshots)
    return Estimate(seconds, memory, samples / step)


def speed(trainer: Trainer) -> float:
    """Samples per second, on the mean over the rest of the run, from trial steps on a copy that is thrown away."""
    needs = Needs(trainer)
    step, samples = _step_seconds(needs, trainer, needs.share // trainer.parts)
    return samples / step


def _step_seconds(needs: Needs, trainer: Trainer, micro: int) -> tuple[float, int]:
    """Seconds of a step, on the mean over the rest of the run, and the samples that it sees."""
    recipe, now = trainer.method.recipe, trainer.clock.samples
    moments = MOMENTS if needs.grows else 1
    times = [now + round((recipe.train_samples - now) * (each + 0.5) / moments) for each in range(moments)]
    tried, parts = _affordable(needs, trainer, micro, TRIAL_SECONDS / moments)
    factor = micro * trainer.parts / (tried * parts)
    found, seen = 0.0, 0
    for at in times:
        for step, share in needs.beats:
            found += share * _timed(needs, tried, parts, Clock(at, step), TRIAL_SECONDS / moments)
        seen = needs.probe.clock.samples - at
    return found / moments * factor, round(seen * factor)


def _affordable(needs: Needs, trainer: Trainer, micro: int, budget: float) -> tuple[int, int]:
    """Samples of a micro-batch, and how many of those, of a step that may be tried within a number of seconds."""
    few = min(FEW, needs.share)
    usual = max(needs.beats, key=lambda beat: beat[1])[0]
    one = needs.probe.play(few, 1, Clock(needs.samples, usual)) / few
    tried, parts = micro, trainer.parts
    if one * micro * parts > budget:
        parts = min(parts, 2)
        while tried > few and one * tried * parts > budget:
            tried = max(tried // 2, few)
    told = trainer.world.leader_says(f"{tried} {parts}")  # all processes must try the same
    tried, parts = map(int, told.split())
    return tried, parts


def _timed(needs: Needs, micro: int, parts: int, clock: Clock, budget: float) -> float:
    """The shortest of a few steps; all processes try equally often, for a step waits for the gradients of every one."""
    trials = [needs.probe.play(micro, parts, replace(clock))]
    size = needs.probe.world.size
    while len(trials) < TRIAL_STEPS and agree(sum(trials) < budget, size):
        trials.append(needs.probe.play(micro, parts, replace(clock)))
    return min(trials)


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
