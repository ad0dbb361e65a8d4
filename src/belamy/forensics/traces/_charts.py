"""Charts of two sets of images: a course of means, and distributions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from belamy.pages.charts import line_chart

REAL, SUSPECT = "real", "suspect"
POINTS = 101


def course(
    real: Tensor, suspect: Tensor, along: Sequence[float] | Tensor, title: str, x_label: str, y_label: str,
    marks: Sequence[tuple[float, str]] = (), log_y: bool | None = False,
) -> str:  # fmt: skip
    """The mean of each column of two tables ``[n, k]`` over the k places ``along``."""
    places = torch.as_tensor(along, dtype=torch.float64).tolist()
    series = {
        name: list(zip(places, table.double().mean(0).tolist(), strict=True))
        for name, table in ((REAL, real), (SUSPECT, suspect))
    }
    return line_chart(series, title, x_label, y_label, log_y=log_y, marks=marks, smooth=False)


def distribution(
    real: Tensor, suspect: Tensor, title: str, x_label: str, y_label: str = "share of images at most this"
) -> str:
    """Which share of two lists of numbers is at most x."""
    both = torch.cat([real.flatten(), suspect.flatten()]).double()
    low, high = float(both.min()), float(both.max())
    slack = 0.02 * (high - low) or 0.5
    points = torch.linspace(low - slack, high + slack, POINTS, dtype=torch.float64)
    series = {}
    for name, numbers in ((REAL, real), (SUSPECT, suspect)):
        ordered = numbers.flatten().double().sort().values
        below = torch.searchsorted(ordered, points, right=True).double() / max(len(ordered), 1)
        series[name] = list(zip(points.tolist(), below.tolist(), strict=True))
    return line_chart(series, title, x_label, y_label, smooth=False)
