"""Training by the processor's time of one thread, for the benchmarks that judge at several moments; no program."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from belamy.training.trainer import Trainer


def trained(
    trainer: Trainer, moments: Sequence[float], last: float, spent: float = 0.0
) -> Iterator[tuple[float, float]]:
    """Train on to each moment and stop there: the moment, and the minutes that were spent. Only training counts.

    Args:
        trainer: What trains.
        moments: CPU-minutes.
        last: The minutes after which all ends; moments beyond are left out.
        spent: Minutes that a run which is gone on with has behind it; moments before are left out.
    """
    seconds = 60 * spent
    for moment in (*(each for each in moments if each < last), last):
        if 60 * moment <= seconds:
            continue
        while seconds < 60 * moment:
            started = time.process_time()
            trainer.step()
            seconds += time.process_time() - started
        yield moment, seconds / 60
