"""The course of a run as numbers: all that a sign may look at."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

import numpy as np

from belamy.methods import base
from belamy.methods.base import BaseRecipe, DataSpec
from belamy.runs.run import Run

FEWEST_ROWS, WINDOWS = 12, 20
"""Rows from which an objective is judged, and the parts of the run whose medians are compared."""


class Learned(NamedTuple):
    """An objective at the beginning, at its best and now; ``noise`` is the standard error of such a median."""

    first: float
    best: float
    now: float
    noise: float


@dataclass(frozen=True)
class RunHistory:
    """All that was measured of a run so far.

    Args:
        recipe: What was asked for.
        rows: Rows of ``metrics.jsonl``, oldest first.
        events: Rows of ``journal.jsonl``, oldest first.
        train: Images that are learned from, 0 where that is not known.
        spec: What the data decides, None where that is not known.
        saved: Training samples seen at the newest checkpoint, None where there is none.

    Example:
        >>> from belamy.methods.gan import Recipe
        >>> rows = [{"samples": 64 * step, "losses": {"generator.adversarial": 1 / step}} for step in (1, 2)]
        >>> RunHistory(Recipe(), rows).series("losses.generator.adversarial")
        array([[ 64. , 128. ],
               [  1. ,   0.5]])
    """

    recipe: BaseRecipe
    rows: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]] = ()
    train: int = 0
    spec: DataSpec | None = None
    saved: int | None = None

    @classmethod
    def of(cls, run: Run) -> RunHistory:
        """The course of a run on disk, finished or not."""
        train = run.card.splits.get("train", 0)
        return cls(run.recipe, run.metrics(), run.journal(), train, run.spec, saved_at(run))

    def until(self, samples: float) -> RunHistory:
        """The course as it was after so many samples."""
        rows, events = (
            [row for row in table if row.get("samples", 0) <= samples] for table in (self.rows, self.events)
        )
        return replace(self, rows=rows, events=events)

    @cached_property
    def method(self) -> Any:
        """The class of the method; None where its module holds none."""
        return getattr(sys.modules.get(type(self.recipe).__module__), "Method", None)

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator teaches the generator."""
        return "discriminator" in self.players or hasattr(self.recipe, "adversarial")

    @cached_property
    def players(self) -> frozenset[str]:
        """Whose losses were measured."""
        return frozenset(name.split(".")[1] for name in self.names("losses.") if name.count(".") > 1)

    def can(self, capability: str) -> bool:
        """Whether the method has all that a protocol of :mod:`belamy.methods.base` asks for.

        What the protocol names without giving it a body are attributes, which a method may set when it is built; only
        what can be called is looked for.
        """
        asked = [name for name, value in vars(vars(base)[capability]).items() if callable(value) and name[0] != "_"]
        return all(callable(getattr(self.method, name, None)) for name in asked)

    @property
    def modality(self) -> str:
        """The kind of what the method makes: what the watch wrote, else that of the data."""
        return self.words("watch.modality") or (self.spec.modality if self.spec else "image")

    @property
    def objective_terms(self) -> tuple[str, ...]:
        """The losses, ``player.term``, whose sum falls while the method learns.

        Those that the method names; of one that names none, its only number, where it has but one.
        """
        named: tuple[str, ...] = getattr(self.method, "objective_terms", ())
        only = [name.partition(".")[2] for name in self.names("losses.")]
        return named or (tuple(only) if len(only) == 1 and not self.adversarial else ())

    @cached_property
    def objective(self) -> np.ndarray:
        """Samples seen and the sum of the losses that are to fall, where all are finite.  # [2, n] or [2, 0]"""
        tables = [self.series(f"losses.{term}") for term in self.objective_terms]
        if not tables or len({table.shape for table in tables}) > 1 or not np.isfinite(tables).all():
            return np.empty((2, 0))
        return np.stack([tables[0][0], np.sum([table[1] for table in tables], axis=0)])

    @cached_property
    def learned(self) -> Learned | None:
        """How the objective went; None where none is to fall, or where too little was measured."""
        values = self.objective[1]
        if len(values) < FEWEST_ROWS:
            return None
        width = max(1, len(values) // WINDOWS)
        medians = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
        spread = 1.05 * float(np.median(np.abs(np.diff(values))))  # of a row, if neighbours are alike
        first = values[0] if values[0] > medians[0] + 4 * spread else medians[0]
        noise = 1.25 * spread / width**0.5
        return Learned(float(first), float(medians.min()), float(medians[-1]), noise)

    @property
    def thrives(self) -> bool:
        """Whether an objective fell and stays near its best: then large numbers are no failure."""
        went = self.learned
        return went is not None and went.now - went.best <= 0.5 * (went.first - went.best)

    @property
    def samples(self) -> int:
        """Training samples seen."""
        return max((int(row.get("samples", 0)) for row in self.rows), default=0)

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.samples / self.recipe.train_samples

    @cached_property
    def _series(self) -> dict[str, np.ndarray]:
        points: dict[str, list[tuple[float, float]]] = {}
        for row in self.rows:
            for name, value in _flat(row):
                points.setdefault(name, []).append((float(row.get("samples", 0)), value))
        return {name: np.array(values).T for name, values in points.items()}

    def series(self, name: str) -> np.ndarray:
        """Samples seen and value of a quantity, by its dotted name, e.g. ``watch.diversity``.  # [2, n] float64"""
        return self._series.get(name, np.empty((2, 0)))

    def points(self, name: str) -> tuple[tuple[float, float], ...]:
        """The same as pairs, oldest first."""
        return tuple((float(x), float(y)) for x, y in self.series(name).T)

    def names(self, prefix: str) -> list[str]:
        """The quantities below a prefix, e.g. ``gradient_norms.``."""
        return [name for name in self._series if name.startswith(prefix)]

    def recent(self, name: str, count: int) -> np.ndarray:
        """The last values of a quantity, empty where there are fewer.  # [count] or [0]"""
        values: np.ndarray = self.series(name)[1]
        return values[-count:] if len(values) >= count else values[:0]

    def late(self, name: str, count: int) -> float | None:
        """Median of the last values of a quantity, None where there are fewer."""
        values = self.recent(name, count)
        return float(np.median(values)) if len(values) else None

    def held_out(self, name: str, count: int) -> tuple[str, float] | None:
        """A measure of held-out samples as it was told last, and what it is called in the table.

        Before the first evaluation it is the median over the last looks, at a batch each; None where there are fewer.

        Args:
            name: Of the measure.
            count: How many looks.
        """
        evaluated, seen = f"evaluation.{name}", f"watch.held.{name}"
        whole = self.late(evaluated, 1)
        if whole is not None:
            return evaluated, whole
        some = self.late(seen, count)
        return None if some is None else (seen, some)

    def rise(self, name: str, count: int) -> float:
        """By how much the median of the last values lies above that of as many before; without so many, infinite."""
        values = self.recent(name, 2 * count)
        return float(np.median(values[count:]) - np.median(values[:count])) if len(values) else inf

    def histograms(self, name: str) -> list[np.ndarray]:
        """The values of a quantity that is a list of numbers, oldest first."""
        return [np.array(value, dtype=float) for value in self._values(name, list)]

    def words(self, name: str) -> str | None:
        """The last value of a quantity that is a text."""
        return next(iter(self._values(name, str)[::-1]), None)

    def _values(self, name: str, kind: type) -> list[Any]:
        """Every value of a quantity that is of a kind, oldest first."""
        values: list[Any] = list(self.rows)
        for key in name.split("."):
            values = [value[key] for value in values if isinstance(value, Mapping) and key in value]
        return [value for value in values if isinstance(value, kind)]


def saved_at(run: Run) -> int | None:
    """Training samples seen at a run's newest checkpoint."""
    return next((int(path.name) for path in run.checkpoints()[-1:]), None)


def _flat(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Dotted name and value of every number in a row; NaN and infinity are written as words."""
    found: list[tuple[str, float]] = []
    for key, value in row.items():
        if isinstance(value, float | int):
            found.append((prefix + key, float(value)))
        elif isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        elif value in ("NaN", "Infinity", "-Infinity"):
            found.append((prefix + key, float(value)))
    return found
