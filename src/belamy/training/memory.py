"""How much memory a run needs, told from steps of a few samples."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields, replace
from math import ceil, lcm
from time import monotonic

import torch
from torch import Tensor

from belamy.data.dataset import Memory
from belamy.data.variants import Variants
from belamy.training.footprint import Footprint, resident
from belamy.training.trainer import Clock, Trainer

FEW = 2
"""Samples of a micro-batch, which tell together with twice as many how memory grows."""
LATE = 101
"""A step after which no warm-up is under way."""
LONGEST = 10_000
"""Steps in which the patterns of lazy terms are looked for."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a run holds at its peak, by what they are for.

    Args:
        process: Python and the libraries; 0 for a device with memory of its own.
        data: Data that are kept in memory.
        weights: Parameters and buffers.
        averages: Averaged copies of networks.
        optimizer: What the optimisers remember.
        step: What a step makes, when it is most: activations, gradients and what lives for a moment.
    """

    process: int
    data: int
    weights: int
    averages: int
    optimizer: int
    step: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        parts = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return ", ".join(f"{name} {size(count)}" for name, count in parts if count)


class Probe(Trainer):
    """A copy of a trainer that makes steps of any size, which are thrown away; it takes no offence at any number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.late = None

    def at_once(self, value: Tensor) -> bool:
        """Never: a few samples may well overflow what a batch does not."""
        return False

    @classmethod
    def of(cls, trainer: Trainer, copied: bool = True) -> Probe:
        """A copy with its own weights, or one that takes those of a trainer, which is of no use then."""
        method = deepcopy(trainer.method) if copied else trainer.method
        if not copied:
            trainer.averages.networks.clear()  # the probe makes its own: never two of them
        return cls(
            method, trainer.dataset, trainer.world, trainer.mixed, clock=replace(trainer.clock),
            micro_batch=trainer.micro_batch, recompute=trainer.recompute,
        )  # fmt: skip

    def play(self, micro: int, parts: int, clock: Clock) -> float:
        """One step of micro-batches at a time of the run; returns its seconds."""
        batch = micro * parts * self.world.size
        self.method.recipe = self.method.recipe.model_copy(update={"batch": batch})
        self.parts, self.clock, self.batches = parts, clock, self.open_batches(0)
        started = monotonic()
        self.step()
        return monotonic() - started

    def record(self, micro: int, parts: int, clock: Clock, room: int | None = None) -> Footprint:
        """What such a step holds and computes, and how far it came where it may hold no more than ``room``."""
        with Footprint(room) as seen:
            self.play(micro, parts, clock)
        if seen.full:
            for parameter in self.method.parameters():
                parameter.grad = None
        return seen


def rhythm(trainer: Trainer) -> list[tuple[int, float]]:
    """Late steps that differ in which lazy terms are due, and how often such steps come; the first has all of them.

    Terms of a period p are due on every p-th step, so their patterns repeat with the least common multiple.

    Example:
        Terms every fourth and every 16th step: ``[(112, 1/16), (113, 3/4), (116, 3/16)]``.
    """
    every = [each for module in trainer.method.modules() if isinstance(each := getattr(module, "every", 1), int)]
    periods = sorted({each for each in every if each > 1})
    whole = lcm(*periods)
    first = whole * ceil(LATE / whole)
    found: dict[tuple[bool, ...], tuple[int, int]] = {}
    cycle = min(whole, LONGEST)
    for step in range(first, first + cycle):
        due = tuple(step % period == 0 for period in periods)
        at, count = found.get(due, (step, 0))
        found[due] = at, count + 1
    return [(at, count / cycle) for at, count in found.values()]


class TooMuch(Exception):
    """A step passed the limit; what the run held then is kept."""

    def __init__(self, memory: MemoryUse) -> None:
        super().__init__(str(memory))
        self.memory = memory


class Needs:
    """What a step of any micro-batch holds at its peak, by steps of two and of four samples.

    Every operation of a step is a point in time; what is alive then grows linearly with the samples, each point with a
    slope of its own, and the peak is where the most is alive. Of a batch in parts, whatever one part keeps from one
    turn to the next is kept for each. No step is larger than what is asked for, and where two samples pass the limit it
    is one and two.

    Args:
        probe: At the present state of the run; its steps change it.
        process: Bytes that the process holds beside it; the first step adds the code that it loads.
        limit: Of all bytes together; a step that comes to more is broken off. Several processes, of which none may stop
            alone, know no limit.

    Raises:
        TooMuch: Even a step of one sample passes the limit.
    """

    def __init__(self, probe: Probe, process: int, limit: int | None = None) -> None:
        self.share = probe.method.recipe.batch // probe.world.size
        self.probe, self.process = probe, process
        self.limit = limit if probe.world.size == 1 else None
        self.beats = rhythm(probe)
        self.heavy = self.beats[0][0]
        self.now = self.samples = probe.clock.samples
        self.grows = False
        self._lines: dict[tuple[int, int], Footprint] = {}
        self.few = min(FEW, self.share)
        try:
            self._begin()
        except TooMuch:
            if self.few == 1:
                raise
            self.few = 1
            self._begin()

    def _begin(self) -> None:
        """First steps: optimisers begin, code is loaded, and it shows when in the run most is held."""
        total, before = self.probe.method.recipe.train_samples, beside(self.probe)
        self.record(1, self.few, self.now)
        self.process += max(beside(self.probe) - before, 0)
        ends = {at: max(self.record(1, self.few, at).timeline) for at in (self.now, max(total - 1, self.now))}
        self.samples = max(ends, key=lambda at: ends[at])
        self.grows = max(ends.values()) > 1.02 * min(ends.values())

    def record(self, parts: int, micro: int, samples: int) -> Footprint:
        """A step on which everything lazy is due, at a time of the run.

        Raises:
            TooMuch: It passes the limit.
        """
        kept = replace(held(self.probe), process=self.process)
        room = None if self.limit is None else self.limit - kept.total
        seen = self.probe.record(micro, parts, Clock(samples, self.heavy), room)
        if seen.full:
            raise TooMuch(replace(kept, step=max(seen.timeline)))
        return seen

    def line(self, parts: int, micro: int) -> Footprint:
        """The same where the run needs the most, recorded once."""
        key = parts, micro
        if key not in self._lines:
            self._lines[key] = self.record(parts, micro, self.samples)
        return self._lines[key]

    def peak(self, micro: int, parts: int = 1) -> int:
        """Bytes that are alive at most in a step of ``parts`` micro-batches of ``micro`` samples each.

        Raises:
            TooMuch: A smaller step passes the limit.
        """
        few, more = (min(samples, micro) for samples in (self.few, 2 * self.few))
        one, other = (
            torch.tensor(self.line(min(parts, 2), each).timeline, dtype=torch.float64) for each in (few, more)
        )
        if len(one) != len(other):  # the batch decides what is done
            one, other = one.max(), other.max()
        slope = (other - one) / (more - few) if more > few else torch.zeros(())
        most = float((one + slope * (micro - few)).max())
        if parts > 2:
            kept = [max(self.line(number, few).timeline) for number in (2, 3)]
            most += max(kept[1] - kept[0], 0) / few * micro * (parts - 2)
        return round(most)

    def flops(self) -> float:
        """Floating-point operations of a whole step on which everything lazy is due, for each of its samples."""
        first, last = (min(samples, self.share) for samples in (self.few, 2 * self.few))
        few, more = self.line(1, first), self.line(1, last)
        return (more.flops - few.flops) / (last - first) if last > first else few.flops / first

    def memory(self, micro: int, parts: int = 1) -> MemoryUse:
        """All that the run holds then.

        Raises:
            TooMuch: A smaller step passes the limit.
        """
        return replace(held(self.probe), process=self.process, step=self.peak(micro, parts))


def held(trainer: Trainer) -> MemoryUse:
    """What a trainer holds between its steps."""
    tensors = trainer.state().tensors
    weights, averages, optimizer = (
        sum(each.nbytes for name, each in tensors.items() if name.startswith(f"{kind}/"))
        for kind in ("method", "average", "optimizer")
    )
    stores = [column.store for column in trainer.dataset.columns.values()]
    data = sum(store.tensor.nbytes for store in stores if isinstance(store, Memory | Variants))
    return MemoryUse(0, data, weights, averages, optimizer, 0)


def beside(trainer: Trainer) -> int:
    """Bytes that the process holds beside a trainer; 0 for a device with memory of its own."""
    return max(resident() - held(trainer).total, 0) if trainer.device.type == "cpu" else 0


def size(count: int) -> str:
    """Bytes in words, e.g. ``1.2 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
