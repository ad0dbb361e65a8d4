"""Series from tables whose rows are steps: what is whole, what is torn by gaps, and windows of long ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from belamy.data.delimited import CellTable
from belamy.data.typed import listed, pattern_of
from belamy.errors import DataError, UsageError, nearest
from belamy.modalities.columns import MISSING, read_cell
from belamy.modalities.series import Modality

TIMES = ("time", "date", "datetime", "timestamp", "step", "t", "index")
"""Names, in small letters, of a column that is taken for the time."""
_GAP = 1.5
"""A step of more than so many usual ones is a gap."""


@dataclass
class Piece:
    """Steps without a break.

    Args:
        name: Where it comes from.
        values: The steps.  # float64 [T, C]
        label: Its class, "" where there is none.
    """

    name: str
    values: np.ndarray
    label: str = ""


@dataclass
class Pieces:
    """All pieces of a source, with what was left out."""

    found: list[Piece] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """What the columns of a table of steps are: channels, and perhaps time, id and label."""

    channels: tuple[str, ...]
    time: str | None
    id: str | None
    label: str | None


def roles_of(table: CellTable, reader: Modality, label: str | None) -> Roles:
    """Which column is what.

    Raises:
        UsageError: A column that is named is not there.
        DataError: No column is left, or one holds no numbers.
    """
    for option, names in (
        ("drop", listed(reader.drop)),
        ("id", [reader.id]),
        ("time", [reader.time]),
        ("labels", [label]),
    ):
        for name in names:
            if name is not None and name not in table.names:
                raise UsageError(f"{table.where} has no column '{name}' ({option}). {nearest(name, table.names)}")
    time = reader.time or next((name for name in table.names if name.lower() in TIMES), None)
    others = {*listed(reader.drop), reader.id, time, label}
    channels = tuple(name for name in table.names if name not in others)
    if not channels:
        raise DataError(f"{table.where} has no column of values beside {', '.join(table.names)}.")
    for name in channels:
        cells = [cell for cell in table.cells(name) if cell.strip().lower() not in MISSING]
        good = sum(np.isfinite(read_cell(cell, "number", "") or 0.0) for cell in cells)
        if 2 * good <= len(cells) or not cells:
            raise DataError(
                f"{table.where}: column '{name}' holds no numbers ('{cells[0][:40] if cells else ''}'). If it is no "
                f"channel, type --modality series:drop={name}, series:id={name} or --labels {name}"
            )
    return Roles(channels, time, reader.id, label)


def pieces_of(table: CellTable, roles: Roles, whole: str | None = None) -> Pieces:
    """The pieces of a table of steps: one for each id, or those between the breaks of one long series.

    Args:
        table: The table.
        roles: What its columns are.
        whole: What the series is called if the file is one; a break then leaves it out.
    """
    values, broken = _values(table, roles)
    found = Pieces(skipped=list(table.skipped), notes=list(table.notes), channels=roles.channels)
    if roles.id is not None:
        groups: dict[str, list[int]] = {}
        for place, cell in enumerate(table.cells(roles.id)):
            groups.setdefault(cell.strip(), []).append(place)
    else:
        groups = {whole or table.where: list(range(len(table)))}
    for name, places in groups.items():
        rows = np.array(places)
        breaks = {int(np.flatnonzero(rows == place)[0]): why for place, why in broken.items() if place in set(places)}
        breaks |= _breaks_of_time(table, roles, rows)
        label, why = _label(table, roles, places)
        named = f"{table.where} {roles.id} {name}" if roles.id else name
        if roles.id is None and whole is None:
            found.skipped += [(table.rows[places[at]], reason) for at, reason in sorted(breaks.items())]
            found.found += [Piece(named, piece, label) for piece in _between(values[rows], breaks)]
        elif breaks or why:
            at, reason = min(breaks.items()) if breaks else (0, why)
            found.skipped.append((named, f"{table.rows[places[at]]}: {reason}"))
        else:
            found.found.append(Piece(named, values[rows], label))
    return found


def alike(pieces: Pieces, length: int | None) -> tuple[np.ndarray, list[Piece]]:
    """Whole series of one length: the first steps that are wanted, or the length that most have.

    Args:
        pieces: Whole series; those of another length are left out and told.
        length: Steps of each, or None.

    Raises:
        DataError: None is left.
    """
    lengths = Counter(len(piece.values) for piece in pieces.found)
    if not lengths:
        first = f" {pieces.skipped[0][0]}: {pieces.skipped[0][1]}." if pieces.skipped else ""
        raise DataError(f"There is no series that can be read.{first}")
    wanted = length or max(lengths, key=lambda each: (lengths[each], each))
    kept = []
    for piece in pieces.found:
        steps = len(piece.values)
        if steps >= wanted if length else steps == wanted:
            kept.append(piece)
        else:
            others = f"fewer than --length {length}" if length else f"where most have {wanted}"
            pieces.skipped.append((piece.name, f"{steps:,} steps, {others}"))
    if not kept:
        raise DataError(
            f"No series has {wanted} steps; the longest has {max(lengths)}. Type --length {max(lengths)} or less."
        )
    return np.stack([piece.values[:wanted] for piece in kept]), kept


def windows(pieces: Pieces, length: int, stride: int, held: float) -> tuple[np.ndarray, int]:
    """Windows of a long series, in order of time, and how many of them are for training: the last steps are held out.

    No window holds a break, and none reaches from the training steps into those that are held out.

    Args:
        pieces: Steps without breaks, in order of time.
        length: Of a window.
        stride: From one window to the next.
        held: Share of the steps that is held out.

    Raises:
        DataError: No piece is as long as a window.
    """
    total = sum(len(piece.values) for piece in pieces.found)
    until, before = round(total * (1 - held)), 0
    train: list[np.ndarray] = []
    test: list[np.ndarray] = []
    for piece in pieces.found:
        cut = min(max(until - before, 0), len(piece.values))
        for part, kept in ((piece.values[:cut], train), (piece.values[cut:], test)):
            kept += [part[start : start + length] for start in range(0, len(part) - length + 1, stride)]
        before += len(piece.values)
    if not train:
        longest = max((len(piece.values) for piece in pieces.found), default=0)
        raise DataError(
            f"No {length} steps follow each other without a break: the longest piece has {longest:,}. Type a smaller "
            "--length, or leave the time out if its gaps are usual: --modality series:drop=COLUMN"
        )
    return np.stack([*train, *test]), len(train)


def _values(table: CellTable, roles: Roles) -> tuple[np.ndarray, dict[int, str]]:
    """The channels ``[T, C]``, and the rows where one is missing or no number."""
    broken: dict[int, str] = {}
    columns = []
    for name in roles.channels:
        read = [read_cell(cell, "number", "") for cell in table.cells(name)]
        for place, value in enumerate(read):
            if value is None:
                broken.setdefault(place, f"'{name}' is missing")
            elif not np.isfinite(value):
                broken.setdefault(
                    place, f"'{name}' holds '{table.cells(name)[place].strip()[:40]}', which is not a number"
                )
        columns.append([np.nan if value is None else value for value in read])
    return np.array(columns, dtype=np.float64).T, broken


def _breaks_of_time(table: CellTable, roles: Roles, rows: np.ndarray) -> dict[int, str]:
    """Places among some rows where the time goes back, stands still, leaps, or cannot be read."""
    if roles.time is None or len(rows) < 2:
        return {}
    cells = [table.cells(roles.time)[row].strip() for row in rows.tolist()]
    pattern = pattern_of(cells)
    read = [read_cell(cell, "time" if pattern else "number", pattern) for cell in cells]
    times = [np.nan if value is None else value for value in read]
    breaks = {place: f"the time '{cells[place][:40]}' is not of the form of the others"
              for place, value in enumerate(times) if not np.isfinite(value)}  # fmt: skip
    steps = [
        (place, times[place] - times[place - 1])
        for place in range(1, len(times))
        if np.isfinite(times[place - 1 : place + 1]).all()
    ]
    usual = median(step for _, step in steps) if steps else 0.0
    for place, step in steps:
        if step <= 0:
            breaks[place] = f"the time does not increase: '{cells[place]}' follows '{cells[place - 1]}'"
        elif usual > 0 and step > _GAP * usual:
            breaks[place] = f"a gap of {step / usual:.3g} steps before '{cells[place]}'"
    return breaks


def _label(table: CellTable, roles: Roles, places: Sequence[int]) -> tuple[str, str]:
    """The class that all rows of a series agree on, or why there is none."""
    if roles.label is None:
        return "", ""
    names = {table.cells(roles.label)[place].strip() for place in places}
    if len(names) > 1:
        return "", f"two labels, {' and '.join(sorted(names)[:2])}"
    return names.pop(), ""


def _between(values: np.ndarray, breaks: dict[int, str]) -> list[np.ndarray]:
    """The steps between the breaks; a row that holds a missing value belongs to no piece."""
    cuts = sorted(breaks)
    edges = [0, *cuts, len(values)]
    pieces = [values[start:stop] for start, stop in pairwise(edges)]
    pieces = [piece[~np.isnan(piece).any(1) & np.isfinite(piece).all(1)] for piece in pieces]
    return [piece for piece in pieces if len(piece)]
