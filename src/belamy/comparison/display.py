"""How a comparison tells how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from belamy.comparison.ledger import Ledger, beside
from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Trial
from belamy.comparison.trial import run_folder
from belamy.errors import BelamyError
from belamy.progress import duration, reporter
from belamy.runs.run import Run

LOOK_SECONDS = 2.0


@contextmanager
def shown(
    folder: Path, ledger: Ledger, trials: list[Trial], progress: bool, on_outcome: Callable[[], object]
) -> Iterator[None]:
    """Within this context the state of a comparison is shown, whoever works on it.

    Args:
        folder: The comparison's folder.
        ledger: Its ledger.
        trials: All its trials.
        progress: Show anything at all.
        on_outcome: Called when a trial has ended.
    """
    shows = reporter(progress)

    def look(over: threading.Event) -> None:
        first, started, ended, said = None, monotonic(), len(ledger.outcomes(trials)), -1
        opened: dict[str, Run] = {}
        while True:
            last = over.is_set()
            outcomes, held = ledger.outcomes(trials), ledger.held()
            share = (len(outcomes) + sum(begun(folder, key, opened) for key in held)) / len(trials)
            first = share if first is None else first
            speed = (share - first) / max(monotonic() - started, 1e-9)
            if shows.due() or len(outcomes) != said:
                said = len(outcomes)
                shows.work(share, told(trials, outcomes, held, (1 - share) / speed if speed > 0 else None))
            if len(outcomes) > ended:
                ended = len(outcomes)
                on_outcome()
            if last:
                return
            over.wait(LOOK_SECONDS)

    try:
        with beside(look):
            yield
    finally:
        shows.close()


def begun(folder: Path, key: str, opened: dict[str, Run]) -> float:
    """Share of its samples that a trial that somebody is at work on has seen; runs are opened once."""
    try:
        run = opened.setdefault(key, opened.get(key) or Run.open(run_folder(folder, key)))
        rows = run.metrics()
    except BelamyError:  # not begun, or being written this moment
        return 0.0
    return rows[-1]["samples"] / run.recipe.train_samples if rows else 0.0


def told(trials: list[Trial], outcomes: Mapping[str, Outcome], held: set[str], seconds: float | None) -> str:
    """The state in words."""
    failed = sum(outcome.failure is not None for outcome in outcomes.values())
    parts = [f"{len(outcomes)} of {len(trials)} trials done{f' ({failed} failed)' if failed else ''}"]
    if held:
        parts.append(f"at work on {', '.join(sorted(held))}")
    if seconds is not None and len(outcomes) < len(trials):
        parts.append(f"{duration(seconds)} left")
    return ", ".join(parts)
