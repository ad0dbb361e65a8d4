"""Typed columns of a table: cells of text as numbers that networks can learn, and back without loss.

A category is a one among zeros, a place for each of its values. A number, a whole number or a time is itself; where
cells may be missing, a place beside it says so. What networks see of numbers are their ranks: the share of the training
split that lies below, on [-1, 1], by straight lines between 33 quantiles. So no outlier squeezes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from belamy.errors import UsageError, plain

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
"""Cells, in small letters, that stand for what is not known."""
KNOTS = 33
"""Quantiles that a number's ranks are read from."""
DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE, DECIMAL = re.compile(r"[+-]?\d{1,15}"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")

Kind = Literal["category", "integer", "number", "time"]


class TableColumn(NamedTuple):
    """A column of a table.

    Args:
        name: As in the header.
        kind: What its cells are.
        missing: Whether cells may be empty; of a category that is a value like others.
        values: Of a category.
        knots: Of a number: increasing, in its units; of a time, seconds since 1970.
        levels: Where the knots lie on [-1, 1].
        decimals: Digits after the point that the cells have, -1 for as many as it takes.
        pattern: Of a time, as ``strptime`` reads it.
    """

    name: str
    kind: Kind
    missing: bool = False
    values: tuple[str, ...] = ()
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    decimals: int = 0
    pattern: str = ""

    @property
    def width(self) -> int:
        """How many numbers a cell becomes."""
        return len(self.values) if self.kind == "category" else 1 + self.missing

    def encoded(self, cells: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        """Cells as numbers ``[n, width]``, float64, and the places of those that are none of this column."""
        if self.kind == "category":
            places = {value: place for place, value in enumerate(self.values)}
            codes = [places.get(value_of(cell), -1) for cell in cells]
            return np.eye(self.width)[codes], [place for place, code in enumerate(codes) if code < 0]
        found = [read_cell(cell, self.kind, self.pattern) for cell in cells]
        values = np.array([np.nan if each is None else each for each in found], dtype=np.float64)
        bad = [place for place, each in enumerate(found) if each is not None and not np.isfinite(each)]
        unknown = np.isnan(values)
        if not self.missing:
            bad = sorted({*bad, *np.flatnonzero(unknown).tolist()})
        columns = [np.where(np.isfinite(values), values, self.middle), *([unknown.astype(np.float64)] * self.missing)]
        return np.stack(columns, 1), bad

    def decoded(self, numbers: np.ndarray) -> list[str]:
        """Cells of numbers ``[n, width]``."""
        if self.kind == "category":
            return [self.values[code] for code in numbers.argmax(1).tolist()]
        known = ~(numbers[:, 1] > 0.5) if self.missing else np.ones(len(numbers), bool)
        pairs = zip(numbers[:, 0].tolist(), known.tolist(), strict=True)
        return [self.cell(value) if is_known else "" for value, is_known in pairs]

    def cell(self, value: float) -> str:
        """A number as the file writes it."""
        if self.kind == "time":
            return (_EPOCH + timedelta(seconds=round(value))).strftime(self.pattern)
        if self.kind == "integer":
            return str(round(value))
        return f"{value:.{self.decimals}f}" if self.decimals >= 0 else repr(value)

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Numbers as fine as the file's."""
        if self.kind == "time":
            unit = 1 if "%S" in self.pattern else 60 if "%M" in self.pattern else DAY
            return np.round(values / unit) * unit
        return values if self.decimals < 0 else np.round(values, self.decimals)

    @property
    def middle(self) -> float:
        """What stands in place of a missing number."""
        return self.knots[len(self.knots) // 2] if self.knots else 0.0

    def as_json(self) -> dict[str, Any]:
        """The column as plain data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a column with tuples for lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}


def columns_of(facts: Mapping[str, Any]) -> tuple[TableColumn, ...]:
    """The columns that a field's facts describe.

    They are read once: every batch asks for them.

    Raises:
        UsageError: They are damaged.
    """
    return _read(_Same(facts))


class _Same:
    """Facts that are told from others by being themselves: a field's are never changed."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.facts is self.facts

    def __hash__(self) -> int:
        return id(self.facts)


@lru_cache(maxsize=64)
def _read(same: _Same) -> tuple[TableColumn, ...]:
    try:
        made = tuple(TableColumn(**_plain(each)) for each in same.facts["columns"])
        for each in made:
            if each.kind != "category" and not 2 <= len(each.knots) == len(each.levels):
                raise ValueError(each.name)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"The columns of the table are damaged: {plain(str(error))}.") from None
    return made


def value_of(cell: str) -> str:
    """A category's value: the cell without the spaces around it; "" where it is missing."""
    text = cell.strip()
    return "" if text.lower() in MISSING else text


def read_cell(cell: str, kind: Kind, pattern: str) -> float | None:
    """A cell as a number; None where it is missing, infinite where it is none."""
    text = cell.strip()
    if text.lower() in MISSING:
        return None
    if kind == "time":
        try:
            return (datetime.strptime(text, pattern).replace(tzinfo=UTC) - _EPOCH).total_seconds()
        except ValueError:
            return np.inf
    return float(text) if (WHOLE if kind == "integer" else DECIMAL).fullmatch(text) else np.inf


def fitted(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots and levels of known numbers: quantiles and their ranks, those of equal quantiles in the middle.

    Example:
        >>> fitted(np.array([0.0, 1.0]))[1][0], fitted(np.array([3.0]))
        (-1.0, ((3.0, 3.0), (-1.0, 1.0)))
    """
    shares = np.linspace(0, 1, KNOTS)
    knots, places, counts = np.unique(np.quantile(values, shares), return_inverse=True, return_counts=True)
    if len(knots) == 1:
        return (float(knots[0]),) * 2, (-1.0, 1.0)
    ranks = np.bincount(places, shares) / counts
    levels = 2 * (ranks - ranks[0]) / (ranks[-1] - ranks[0]) - 1
    return tuple(knots.tolist()), tuple(levels.tolist())
