"""Series: [steps, channels] numbers, in files of one row for each step."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.fields import Field, Media
from belamy.modalities.grid import best_columns, grid
from belamy.modalities.scaling import from_unit, to_unit

WIDTH, HEIGHT = 168, 84
"""Pixels of one chart, at most."""
LARGEST = 3900
"""Pixels of a sheet's side, about."""
INKS = (
    (31, 119, 180),
    (214, 96, 20),
    (44, 140, 60),
    (150, 60, 160),
    (180, 40, 50),
    (110, 80, 60),
    (20, 140, 150),
    (90,) * 3,
)
"""Colours of the channels, in turn."""
_FINE = 3
"""Charts are drawn so many times larger, for smooth lines."""


class Modality:
    """Series of one length, whose channels are scaled to [-1, 1] by the training split's range.

    Args:
        rows: What a row of one file is: a ``step`` of a series, or a whole ``series`` of one channel.
        id: Column that says to which series a step belongs; without one, all steps are one long series.
        time: Column of the time, which increases and is no channel; by default one called time, date, step or so.
        drop: Columns to leave out, with + between.
        stride: Steps from one window of a long series to the next; by default a window's length.
    """

    suffix = ".csv"
    words = ("series", "series")
    recipe = "rcgan"  # what the doctor of data suggests

    def __init__(
        self,
        *,
        rows: Literal["step", "series"] | None = None,
        id: str | None = None,
        time: str | None = None,
        drop: str = "",
        stride: int | None = None,
    ) -> None:
        if stride is not None and stride < 1:
            raise UsageError(f"series:stride={stride} must be at least 1 step.")
        self.rows, self.id, self.time, self.drop, self.stride = rows, id, time, drop, stride

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Each channel on [-1, 1]."""
        return to_unit(raw, field.facts)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Each channel in its own units, float32."""
        return from_unit(values, field.facts)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """A chart of lines for each series, all on one scale, each channel in its colour."""
        columns = columns or best_columns(len(raw), WIDTH / HEIGHT)
        rows = -(-len(raw) // columns)
        width, height = (max(8, min(most, LARGEST // count)) for most, count in ((WIDTH, columns), (HEIGHT, rows)))
        values = to_unit(raw, _spanned(raw, field)).double().clamp(-1, 1).numpy()
        charts = np.stack([chart(each, width, height) for each in values]).transpose(0, 3, 1, 2)
        return grid(charts, columns, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """Nothing: series are looked at."""
        return ()

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A CSV file: a row for each step, with its number or, where the rate is known, its time in seconds."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["time" if field.rate else "step", *channel_names(field)])
        for number, values in enumerate(raw.to(torch.float32).numpy()):
            writer.writerow([number / field.rate if field.rate else number, *map(str, values)])
        return table.getvalue().encode()

    def decode(self, data: bytes, field: Field) -> Tensor:
        """A series from such a file."""
        steps, channels = field.shape
        try:
            rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:]
            values = torch.tensor([[float(cell) for cell in row[1:]] for row in rows], dtype=torch.float32)
        except (ValueError, UnicodeDecodeError, csv.Error) as error:
            raise Unreadable(f"no CSV file of numbers ({error})") from error
        if not torch.isfinite(values).all():
            raise Unreadable("a number is missing or infinite")
        if values.shape != (steps, channels):
            raise Unreadable(f"{' x '.join(map(str, values.shape))} numbers, not {steps} steps x {channels} channels")
        return values

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Of each channel: range, mean, spread, missing values, and how alike neighbouring steps are."""
        found = {}
        for place, name in enumerate(channel_names(field)):
            values = raw[..., place].double()
            known = values[torch.isfinite(values)]
            centred = torch.nan_to_num(values - known.mean()) if len(known) else torch.zeros_like(values)
            power = centred.square().mean()
            lag = (centred[:, 1:] * centred[:, :-1]).mean() / power if power > 0 and raw.shape[1] > 1 else power * 0
            found[name] = {
                "low": float(known.min()) if len(known) else None, "high": float(known.max()) if len(known) else None,
                "mean": float(known.mean()) if len(known) else None,
                "sd": float(known.std(correction=0)) if len(known) else None,
                "missing": int(values.numel() - len(known)), "autocorrelation": float(lag),
            }  # fmt: skip
        return {"channels": found}

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Euclidean distances of scaled series."""
        return torch.cdist(self.to_float(a, field).flatten(1), self.to_float(b, field).flatten(1))


def channel_names(field: Field) -> tuple[str, ...]:
    """The names of the channels; ``x1``, ``x2``, … where they have none."""
    return field.classes or tuple(f"x{number}" for number in range(1, field.shape[-1] + 1))


def chart(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """Lines of ``values`` ``[steps, channels]`` in [-1, 1] on white.  # uint8 [height, width, 3]"""
    picture = Image.new("RGB", (width * _FINE, height * _FINE), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    steps = len(values)
    inner_x, inner_y = (width - 4) * _FINE, (height - 6) * _FINE
    pen.line([(0, height * _FINE / 2), (width * _FINE, height * _FINE / 2)], fill=(222, 222, 222), width=1)
    across = 2 * _FINE + inner_x * (np.arange(steps) / max(steps - 1, 1))
    for channel in range(values.shape[1]):
        down = 3 * _FINE + inner_y * (1 - values[:, channel]) / 2
        points = list(zip(across.tolist(), np.nan_to_num(down).tolist(), strict=True))
        pen.line(points if steps > 1 else points * 2, fill=INKS[channel % len(INKS)], width=_FINE, joint="curve")
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def _spanned(raw: Tensor, field: Field) -> dict[str, list[float]]:
    """The range of each channel that a chart spans: the field's, or that of what is drawn."""
    if field.facts:
        return {side: list(field.facts[side]) for side in ("low", "high")}
    rows = torch.nan_to_num(raw.double()).flatten(0, -2)
    return {"low": rows.amin(0).tolist(), "high": rows.amax(0).tolist()}
