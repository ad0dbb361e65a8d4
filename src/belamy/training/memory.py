"""How much memory a run needs, told from steps of a few samples, and what is done where that is too much."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from math import ceil, lcm
from time import monotonic

import torch
from torch import Tensor

from belamy.data.dataset import Memory
from belamy.errors import UsageError
from belamy.training.footprint import Footprint, resident
from belamy.training.trainer import Clock, Trainer

FEW, MORE = 2, 4
"""Samples of the micro-batches that tell how memory grows with them."""
LATE = 101
"""A step after which no warm-up is under way."""
LONGEST = 10_000
"""Steps in which the patterns of lazy terms are looked for."""
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


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
    def of(cls, trainer: Trainer, recompute: bool | None = None) -> Probe:
        """A copy with its own weights; with or without activation checkpointing, by default as the trainer."""
        again = trainer.recompute if recompute is None else recompute
        return cls(deepcopy(trainer.method), trainer.dataset, trainer.world, trainer.mixed, recompute=again)

    def play(self, micro: int, parts: int, clock: Clock) -> float:
        """One step of micro-batches at a time of the run; returns its seconds."""
        batch = micro * parts * self.world.size
        self.method.recipe = self.method.recipe.model_copy(update={"batch": batch})
        self.parts, self.clock, self.batches = parts, clock, self.open_batches(0)
        started = monotonic()
        self.step()
        return monotonic() - started

    def record(self, micro: int, parts: int, clock: Clock) -> Footprint:
        """What such a step holds and computes."""
        with Footprint() as seen:
            self.play(micro, parts, clock)
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


class Needs:
    """What a step of any micro-batch holds at its peak, by steps of two and of four samples.

    Every operation of a step is a point in time; what is alive then grows linearly with the samples, each point with a
    slope of its own, and the peak is where the most is alive. Of a batch in parts, whatever one part keeps from one
    turn to the next is kept for each.

    Args:
        trainer: Its method at its present state; nothing of it changes.
        recompute: With activation checkpointing or without; by default as the trainer.
    """

    def __init__(self, trainer: Trainer, recompute: bool | None = None) -> None:
        self.share = trainer.method.recipe.batch // trainer.world.size
        self.process = max(resident() - held(trainer).total, 0) if trainer.device.type == "cpu" else 0
        self.probe = Probe.of(trainer, recompute)
        self.beats = rhythm(trainer)
        self.heavy = self.beats[0][0]
        now, total = trainer.clock.samples, trainer.method.recipe.train_samples
        self.samples = now
        self.probe.play(min(FEW, self.share), 1, Clock(now, self.heavy))  # optimisers begin, code is loaded
        ends = {at: max(self.record(1, FEW, at).timeline) for at in (now, max(total - 1, now))}
        self.samples = max(ends, key=lambda at: ends[at])
        self.grows = max(ends.values()) > 1.02 * min(ends.values())
        self._lines: dict[tuple[int, int], Footprint] = {}

    def record(self, parts: int, micro: int, samples: int) -> Footprint:
        """A step on which everything lazy is due, at a time of the run."""
        return self.probe.record(min(micro, max(self.share // parts, 1)), parts, Clock(samples, self.heavy))

    def line(self, parts: int, micro: int) -> Footprint:
        """The same where the run needs the most, recorded once."""
        key = parts, min(micro, max(self.share // parts, 1))
        if key not in self._lines:
            self._lines[key] = self.record(parts, micro, self.samples)
        return self._lines[key]

    def peak(self, micro: int, parts: int = 1) -> int:
        """Bytes that are alive at most in a step of ``parts`` micro-batches of ``micro`` samples each."""
        few, more = (min(samples, max(self.share // min(parts, 2), 1)) for samples in (FEW, MORE))
        one, other = (
            torch.tensor(self.line(min(parts, 2), each).timeline, dtype=torch.float64) for each in (few, more)
        )
        if len(one) != len(other):  # the batch decides what is done
            one, other = one.max(), other.max()
        slope = (other - one) / (more - few) if more > few else one / few
        most = float((one + slope * (micro - few)).max())
        if parts > 2:
            kept = [max(self.line(number, few).timeline) for number in (2, 3)]
            most += max(kept[1] - kept[0], 0) / few * micro * (parts - 2)
        return round(most)

    def flops(self) -> float:
        """Floating-point operations of a whole step on which everything lazy is due, for each of its samples."""
        few, more = (self.line(1, samples) for samples in (FEW, MORE))
        first, last = min(FEW, self.share), min(MORE, self.share)
        return (more.flops - few.flops) / (last - first) if last > first else few.flops / first

    def memory(self, micro: int, parts: int = 1) -> MemoryUse:
        """All that the run holds then."""
        return replace(held(self.probe), process=self.process, step=self.peak(micro, parts))


def held(trainer: Trainer) -> MemoryUse:
    """What a trainer holds between its steps."""
    tensors = trainer.state().tensors
    weights, averages, optimizer = (
        sum(each.nbytes for name, each in tensors.items() if name.startswith(f"{kind}/"))
        for kind in ("method", "average", "optimizer")
    )
    stores = [column.store for column in trainer.dataset.columns.values()]
    data = sum(store.tensor.nbytes for store in stores if isinstance(store, Memory))
    return MemoryUse(0, data, weights, averages, optimizer, 0)


@dataclass(frozen=True)
class Choice:
    """How a step is taken so that it fits.

    Args:
        micro_batch: Samples at a time; None for the whole batch.
        recompute: Whether activations are computed again.
        memory: What the run then holds.
    """

    micro_batch: int | None
    recompute: bool
    memory: MemoryUse

    def __str__(self) -> str:
        how = f"micro-batches of {self.micro_batch}" if self.micro_batch else "whole batches"
        how += ", activations computed again" if self.recompute else ""
        return f"{how}, about {size(self.memory.total)} ({self.memory})"


def choose(trainer: Trainer, limit: int) -> Choice:
    """The largest micro-batch that keeps a run below a limit; activations are computed again only where none does.

    Args:
        trainer: At its beginning.
        limit: In bytes.

    Raises:
        UsageError: Even one sample at a time is too much.
    """
    least: MemoryUse | None = None
    for choice in _ways(trainer):
        if choice.memory.total <= limit:
            return choice
        least = choice.memory if least is None or choice.memory.total < least.total else least
    assert least is not None
    raise UsageError(
        f"Training does not fit into {size(limit)}: the least that this recipe takes is {size(least.total)} ({least}). "
        f"Type --memory {ceil(least.total / 1e6)}MB, or choose a smaller --size or smaller networks."
    )


def _ways(trainer: Trainer) -> Iterator[Choice]:
    """Ways to take a step, the quicker first."""
    share = trainer.method.recipe.batch // trainer.world.size
    sizes = [share] if trainer.method.undivided else [each for each in range(share, 0, -1) if share % each == 0]
    for recompute in dict.fromkeys([trainer.recompute, True]):
        try:
            needs = Needs(trainer, recompute)
        except UsageError:  # no blocks
            return
        for micro in sizes:
            whole = micro == share
            yield Choice(None if whole else micro, recompute, needs.memory(micro, share // micro))


def parse_bytes(text: str) -> int:
    """Bytes from words.

    Raises:
        UsageError: They do not say how many.

    Example:
        >>> parse_bytes("8GB"), parse_bytes("1.5 GiB"), parse_bytes("700m")
        (8000000000, 1610612736, 700000000)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", text.upper())
    if not found or found[2] not in UNITS or not (count := round(float(found[1]) * UNITS[found[2]])):
        raise UsageError(
            f"The memory is '{text}', but it must be a number of bytes, e.g. --memory 8GB, 700MB or 1.5GiB."
        )
    return count


def size(count: int) -> str:
    """Bytes in words, e.g. ``1.2 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"
