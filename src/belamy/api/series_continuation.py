"""Series that go on: a run that knows what follows is given the first steps of some."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Continues, Sampling
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.series import channel_names
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options, placement
from belamy.seeds import SampleDraws

MOST = 64
"""Series that are made of one."""
LONGEST = 100_000


@dataclass(frozen=True, eq=False)
class ContinuedSeries:
    """Series and how they went on.

    Args:
        field: What a series is.
        given: The first steps of each, in their own units.  # [n, t, C]
        made: What was made of each, with the steps that were given.  # [n, count, t + length, C]
    """

    field: Field
    given: Tensor
    made: Tensor

    def sheet(self) -> np.ndarray:
        """A row of charts for each series, one for each way in which it went on.  # uint8 [H, W, 3]"""
        return modality("series").sheet(self.made.flatten(0, 1), self.field, columns=self.made.shape[1])

    def table(self, names: Sequence[str]) -> str:
        """A CSV table with a row for each step that was made.

        Args:
            names: What each series is called.
        """
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(["name", "number", "step", *channel_names(self.field)])
        begun = self.given.shape[1]
        for name, ways in zip(names, self.made, strict=True):
            for number, way in enumerate(ways):
                for step, values in enumerate(way[begun:].numpy(), start=begun):
                    writer.writerow([name, number, step, *map(str, values)])
        return written.getvalue()


def continue_series(
    run: str | Path | Run,
    series: Tensor,
    *,
    keep: float = 0.5,
    count: int = 8,
    length: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    best: bool = False,
    device: str = "auto",
) -> ContinuedSeries:
    """Series whose first steps are given; the j-th of the i-th depends on the seed, i and j alone.

    Args:
        run: One that goes on with series, or its directory.
        series: In their own units.  # [n, T, C]
        keep: Share of the steps that is given, from the first.
        count: How many to make of each.
        length: Steps that follow; by default as many as were left out.
        temperature: Factor of the noise; 0 for what is expected.
        seed: Decides what is made.
        best: With the best weights that ``train --keep-best`` kept.
        device: Where to compute.

    Raises:
        UsageError: The run does not go on with series, the channels are not the run's, or a number is out of range.

    Example:
        >>> continue_series("runs/linear-autoregressive-1", series[:4]).made.shape  # doctest: +SKIP
        torch.Size([4, 8, 30, 1])
    """
    Within(1, MOST).check("count", count)
    Within(0, 1).check("keep", keep)
    opened = run if isinstance(run, Run) else Run.open(run)
    method = continuing_series(opened.method(best=best).to(choose_device(device)))
    field = method.spec.field
    if series.dim() != 3 or series.shape[2] != field.shape[1]:
        raise UsageError(f"The series are {tuple(series.shape[1:])}, but this run's have {field.shape[1]} channels.")
    begun = round(keep * series.shape[1])
    if length is None and begun == series.shape[1]:
        raise UsageError(f"keep is {keep:g}, which leaves none of {begun} steps to make. Type less, or --length.")
    after = Within(1, LONGEST).check("length", series.shape[1] - begun if length is None else length)
    values = modality("series").to_float(series, field).to(*placement(method))
    prefix = values[:, :begun].repeat_interleave(count, 0)
    options = checked_options(method, {"temperature": float(temperature)})
    with torch.no_grad():
        sampling = Sampling(SampleDraws(seed, range(len(prefix))), options=options)
        made = method.eval().continuation(prefix, after, sampling)
    raw = modality("series").to_raw(made, field).cpu().unflatten(0, (len(series), count))
    return ContinuedSeries(field, series[:, :begun], raw)


def continuing_series(method: BaseMethod) -> Any:
    """The method, known to go on with series.

    Raises:
        UsageError: It does not.
    """
    if isinstance(method, Continues) and method.spec.modality == "series":
        return method
    raise UsageError(
        "This run's method does not go on with series: it only draws whole ones. Take a run of "
        "`belamy train linear-autoregressive`."
    )
