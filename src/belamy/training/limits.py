"""How a step is taken so that a run stays below a number of bytes."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil

from belamy.errors import UsageError
from belamy.training.memory import MemoryUse, Needs, Probe, TooMuch, beside, size

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


class NoRoom(UsageError):
    """Even one sample at a time is too much."""


@dataclass(frozen=True)
class Choice:
    """How a step is taken so that it fits.

    Args:
        micro_batch: Samples at a time.
        recompute: Whether activations are computed again.
        memory: What the run then holds, or held when a step was broken off.
        needs: What it was told by; None where a step was broken off.
    """

    micro_batch: int
    recompute: bool
    memory: MemoryUse
    needs: Needs | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        whole = self.needs is not None and self.micro_batch == self.needs.share
        how = "whole batches" if whole else f"micro-batches of {self.micro_batch}"
        how += ", activations computed again" if self.recompute else ""
        return f"{how}, about {size(self.memory.total)} ({self.memory})"


def choose(build: Callable[[bool], Probe], limit: int, recompute: bool = False) -> Choice:
    """The largest micro-batch that keeps a run below a limit; activations are computed again only where none does.

    Steps of few samples are tried, and broken off where they pass the limit.

    Args:
        build: Makes a probe at the beginning of the run; it is told whether activations are computed again.
        limit: In bytes.
        recompute: Whether they are in any case.

    Raises:
        NoRoom: Even one sample at a time is too much.
    """
    told: list[MemoryUse] = []
    broken: list[MemoryUse] = []
    for choice in _ways(build, limit, recompute):
        if choice.needs and choice.memory.total <= limit:
            return choice
        (told if choice.needs else broken).append(choice.memory)
    least = min(told or broken, key=lambda memory: memory.total)
    if told:
        what = f"the least that this recipe takes is {size(least.total)} ({least})"
        advice = f"--memory {ceil(least.total / 1e6)}MB"
    else:
        what = f"the smallest step had taken {size(least.total)} ({least}) when it was broken off"
        advice = f"--memory {ceil(2 * least.total / 1e6)}MB to try twice as much"
    raise NoRoom(f"Training does not fit into {size(limit)}: {what}. Type {advice}, or choose a smaller --size or "
                 "smaller networks.")  # fmt: skip


def _ways(build: Callable[[bool], Probe], limit: int, recompute: bool) -> Iterator[Choice]:
    """Ways to take a step, the quicker first."""
    yield from _micro_batches(build(recompute), limit)
    gc.collect()  # one probe at a time
    if not recompute:
        try:
            probes = [build(True)]
        except UsageError:  # no blocks
            return
        yield from _micro_batches(probes.pop(), limit)


def _micro_batches(probe: Probe, limit: int) -> Iterator[Choice]:
    """The micro-batches that a batch can be taken in, the largest first."""
    try:
        needs = Needs(probe, beside(probe), limit)
    except TooMuch as most:
        yield Choice(1, probe.recompute, most.memory)
        return
    share = needs.share
    for micro in [share] if probe.method.undivided else [each for each in range(share, 0, -1) if share % each == 0]:
        try:
            yield Choice(micro, probe.recompute, needs.memory(micro, share // micro), needs)
        except TooMuch as most:
            yield Choice(micro, probe.recompute, most.memory)


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
