"""Tables: rows of typed cells, each row one sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from belamy.errors import Unreadable
from belamy.modalities.columns import TableColumn, columns_of
from belamy.modalities.fields import Field, Media

_ROW, _PAD = 17, 8
_MOST_ROWS, _WIDEST, _LARGEST = 220, 150, 3900
"""Rows and pixels of a picture."""
BINS = 20


class Modality:
    """Rows of a table: [n] numbers that stand for its cells; see :mod:`belamy.modalities.columns`.

    Args:
        drop: Columns to leave out, with + between.
        category: Columns of numbers that are names of categories, with + between.
        most: Values that a category has, at most.
        day_first: Whether 1/2/2024 is the first of February; needed where the cells leave it open.
    """

    suffix = ".csv"
    words = ("row", "rows")
    recipe = "dense-table"  # what the doctor of data suggests

    def __init__(self, *, drop: str = "", category: str = "", most: int = 100, day_first: bool | None = None) -> None:
        self.drop, self.category, self.most, self.day_first = drop, category, most, day_first

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Categories as 1 among -1, numbers as their ranks, float32 in [-1, 1]."""
        values = raw.to(torch.float64 if raw.device.type == "cpu" else torch.float32)
        seen = values * 2 - 1
        columns = columns_of(field.facts)
        places = number_places(columns)
        if places:
            seen[:, places] = _between(values[:, places], *_knots(columns, values))
        return seen.to(torch.float32)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """The most likely category, and the number of each rank as fine as the file's, float64."""
        columns = columns_of(field.facts)
        made = values.detach().to("cpu", torch.float64)
        raw = (made > 0).to(torch.float64)
        places, start = number_places(columns), 0
        if places:
            knots, levels = _knots(columns, made)
            raw[:, places] = _between(made[:, places].clamp(-1, 1), levels, knots)
        for column in columns:
            part = slice(start, start + column.width)
            if column.kind == "category":
                raw[:, part] = torch.nn.functional.one_hot(made[:, part].argmax(1), column.width).to(torch.float64)
            else:
                numbers = column.rounded(raw[:, start].numpy())
                known = raw[:, start + 1].numpy() < 0.5 if column.missing else np.ones(len(numbers), bool)
                raw[:, start] = torch.from_numpy(np.where(known, numbers, column.middle))
            start += column.width
        return raw

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """The rows as a picture of a table; of many rows and columns, the first."""
        typed = columns_of(field.facts)
        shown = raw[:_MOST_ROWS]
        names, cells = [column.name for column in typed], cells_of(shown, typed)
        widest = [
            [name, *column.values, *map(column.cell, column.knots)] for name, column in zip(names, typed, strict=True)
        ]
        if captions is not None:
            names, cells, widest = ["", *names], [list(captions)[: len(shown)], *cells], [list(captions), *widest]
        if len(shown) < len(raw):
            cells = [[*column, "…"] for column in cells]
        return drawn(names, cells, widest)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: the sheet can be read."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A CSV file: the header and the row."""
        return self.join(raw[None], field)

    def join(self, raw: Tensor, field: Field, labels: Sequence[str] = ()) -> bytes:
        """A CSV file of many rows ``[n, width]``, with their classes as the last column where they are given."""
        columns = columns_of(field.facts)
        names, cells = [column.name for column in columns], cells_of(raw, columns)
        return csv_bytes([*names, "label"], [*cells, labels]) if labels else csv_bytes(names, cells)

    def decode(self, data: bytes, field: Field) -> Tensor:
        """A row from such a file."""
        columns = columns_of(field.facts)
        try:
            rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        except (UnicodeDecodeError, csv.Error) as error:
            raise Unreadable(f"no CSV file ({error})") from error
        if len(rows) != 2 or rows[0] != [column.name for column in columns] or len(rows[1]) != len(columns):
            raise Unreadable("not a header of this table's columns and one row")
        parts = []
        for column, cell in zip(columns, rows[1], strict=True):
            numbers, bad = column.encoded([cell])
            if bad:
                raise Unreadable(f"column '{column.name}' holds '{cell[:40]}'")
            parts.append(numbers)
        return torch.from_numpy(np.concatenate(parts, 1))[0]

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Of each column: counts or a histogram, range, mean, missing cells; and how numbers are correlated."""
        columns, start, found = columns_of(field.facts), 0, {}
        known: dict[str, np.ndarray] = {}
        for column in columns:
            part = raw[:, start : start + column.width].numpy()
            start += column.width
            if column.kind == "category":
                counts = dict(zip(column.values, part.sum(0).astype(int).tolist(), strict=True))
                found[column.name] = {"kind": "category", "missing": counts.pop("", 0), "counts": counts}
                continue
            there = part[:, 1] < 0.5 if column.missing else np.ones(len(part), bool)
            known[column.name] = np.where(there, part[:, 0], np.nan)
            found[column.name] = {
                "kind": column.kind,
                "missing": int((~there).sum()),
                **_summary(part[there, 0], column),
            }
        return {"columns": found, "correlations": correlations(known)}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Euclidean distances of what networks see: a step of a category is 2.8, of a number at most 2."""
        return torch.cdist(self.to_float(a, field), self.to_float(b, field))


def csv_bytes(names: Sequence[str], cells: Sequence[Sequence[str]]) -> bytes:
    """A CSV file of columns."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*cells, strict=True))
    return table.getvalue().encode()


def number_places(columns: Sequence[TableColumn]) -> list[int]:
    """Where the numbers stand among a row's [n] numbers."""
    places, start = [], 0
    for column in columns:
        if column.kind != "category":
            places.append(start)
        start += column.width
    return places


def cells_of(raw: Tensor, columns: Sequence[TableColumn]) -> list[list[str]]:
    """The cells of rows ``[n, width]``, column by column."""
    rows, start, cells = raw.to("cpu", torch.float64).numpy(), 0, []
    for column in columns:
        cells.append(column.decoded(rows[:, start : start + column.width]))
        start += column.width
    return cells


def correlations(numbers: dict[str, np.ndarray]) -> dict[str, float]:
    """Pearson's correlation of each pair of columns ``[n]``, over the rows that have both, the strongest first."""
    names, found = list(numbers), {}
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            both = np.isfinite(numbers[one]) & np.isfinite(numbers[other])
            a, b = numbers[one][both], numbers[other][both]
            if len(a) > 2 and a.std() > 0 and b.std() > 0:
                found[f"{one} ~ {other}"] = float(np.corrcoef(a, b)[0, 1])
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def drawn(names: Sequence[str], cells: Sequence[Sequence[str]], widest: Sequence[Sequence[str]]) -> np.ndarray:
    """A table of text as a picture, as many columns as there is room for.  # uint8 [H, W, 3]

    Args:
        names: Of the columns.
        cells: Of each column, equally many.
        widest: For each column texts that it must have room for; so all pictures of one table are equally wide.
    """
    font = ImageFont.load_default(size=12)
    widths = [min(_WIDEST, max(int(font.getlength(_plain(text))) for text in texts) + 2 * _PAD) for texts in widest]
    rights = np.cumsum(widths)
    count = max(1, int((rights <= _LARGEST).sum()))
    height = _ROW * (len(cells[0]) + 1) + 4
    picture = Image.new("RGB", (int(rights[count - 1]), height), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, picture.width, _ROW + 1), fill=(228, 232, 238))
    for row in range(1, len(cells[0]), 2):
        pen.rectangle((0, _ROW * (row + 1) + 2, picture.width, _ROW * (row + 2) + 1), fill=(246, 247, 249))
    for name, column, right, width in list(zip(names, cells, rights.tolist(), widths, strict=True))[:count]:
        for row, text in enumerate((name, *column)):
            words = _plain(text)
            while font.getlength(words) > width - _PAD and len(words) > 1:
                words = words.removesuffix("...")[:-1] + "..." if len(words) > 4 else words[:-1]
            pen.text((right - width + _PAD // 2, _ROW * row + 3), words, fill=(30, 30, 30), font=font)
    return np.asarray(picture)


def _plain(text: str) -> str:
    return text[:60].replace("…", "...").encode("ascii", "replace").decode()


def _summary(values: np.ndarray, column: TableColumn) -> dict[str, Any]:
    if not len(values):
        return {"low": None, "high": None, "mean": None, "sd": None, "histogram": []}
    shown = [column.cell(value) for value in (values.min(), values.max())] if column.kind == "time" else None
    counts, edges = np.histogram(values, BINS)
    low, high = shown or (float(values.min()), float(values.max()))
    return {
        "low": low, "high": high, "mean": float(values.mean()), "sd": float(values.std()),
        "histogram": counts.tolist(), "edges": edges.tolist(),
    }  # fmt: skip


def _knots(columns: Sequence[TableColumn], like: Tensor) -> tuple[Tensor, Tensor]:
    """Knots and levels of the columns of numbers, the shorter filled up by their last.  # [c, k] each"""
    numbers = [column for column in columns if column.kind != "category"]
    most = max(len(column.knots) for column in numbers)
    return tuple(
        torch.tensor([[*row, *[row[-1]] * (most - len(row))] for row in rows], dtype=like.dtype, device=like.device)
        for rows in ([column.knots for column in numbers], [column.levels for column in numbers])
    )  # type: ignore[return-value]


def _between(values: Tensor, knots: Tensor, levels: Tensor) -> Tensor:
    """Straight lines between knots; flat beyond them.  # [n, c] of [n, c], [c, k] and [c, k]"""
    columns = values.T.contiguous()
    above = torch.searchsorted(knots, columns).clamp(1, knots.shape[1] - 1)
    start, stop = knots.gather(1, above - 1), knots.gather(1, above)
    low, high = levels.gather(1, above - 1), levels.gather(1, above)
    share = ((columns - start) / torch.where(stop == start, 1.0, stop - start)).clamp(0, 1)
    return (low + share * (high - low)).T
