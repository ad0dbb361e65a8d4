"""Axes of charts, with limits that outliers do not stretch and round ticks, and the points of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OUTLIERS = 0.5  # per cent at each end that may fall outside the picture
LARGEST = 1e250  # beyond it, and below its inverse on a logarithmic axis, a number is not drawn
BUCKETS = 360  # columns of pixels that a line is thinned to
SMOOTH_FROM, SMOOTH_SHARE = 60, 40  # a line of 60 points or more is smoothed over a fortieth of its length
Points = Sequence[tuple[float, float]]
WORTH_LOG = 30  # largest over smallest above which a logarithmic axis shows more


@dataclass(frozen=True)
class Scale:
    """A line of numbers of which ``low`` to ``high`` are shown, evenly or by their logarithm."""

    low: float
    high: float
    log: bool = False

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where values fall: 0 is ``low`` and 1 is ``high``."""
        if self.log:
            low = math.log(self.low)
            return (np.log(values) - low) / (math.log(self.high) - low)
        return (values - self.low) / (self.high - self.low)

    def ticks(self, count: int) -> list[float]:
        """About ``count`` round numbers in the range."""
        return _log_ticks(self.low, self.high, count) if self.log else _even_ticks(self.low, self.high, count)


def logarithmic(values: Sequence[np.ndarray], wish: bool | None) -> bool:
    """Whether the vertical axis is logarithmic: as wished if any value is positive; by the spread without a wish."""
    every = np.concatenate([line[np.isfinite(line)] for line in values]) if values else np.zeros(0)
    if not every.size or every.max() <= 0:
        return False
    if wish is not None:
        return wish
    return bool(every.min() > 0) and float(np.percentile(every, 99)) > WORTH_LOG * float(np.percentile(every, 1))


def value_scale(raw: Sequence[np.ndarray], smooth: Sequence[np.ndarray], log: bool) -> Scale:
    """The vertical scale for these finite values.

    The smooth lines are shown whole; of the raw ones, half a per cent may leave the picture at either end.
    """
    every, calm = np.concatenate(raw), np.concatenate(smooth)
    low, high = (float(value) for value in np.percentile(every, [OUTLIERS, 100 - OUTLIERS]))
    low, high = min(low, float(calm.min())), max(high, float(calm.max()))
    if log:
        width = math.log(high) - math.log(low)
        slack = math.exp(0.05 * width) if width > 1e-4 else 1.5
        return Scale(low / slack, high * slack, log=True)
    if 0 <= low < 0.35 * high:
        return Scale(0.0, high * 1.05)  # a near zero is worth showing: heights then compare as numbers do
    slack = 0.05 * (high - low) if high - low > 1e-9 * max(abs(low), abs(high)) else 0.05 * abs(high) or 1.0
    return Scale(low - slack, high + slack)


def step_scale(low: float, high: float) -> Scale:
    """The horizontal scale, from 0 if that is near; a single place stands in the middle."""
    low = 0.0 if 0 < low < 0.1 * high else low
    return Scale(low, high) if high > low else Scale(low - 1, low + 1)


def short(value: float) -> str:
    """A number in a few characters.

    Example:
        >>> [short(value) for value in (0, 1_250_000, 60_000, 0.00012, 0.5)]
        ['0', '1.25M', '60k', '0.00012', '0.5']
    """
    if not math.isfinite(value):
        return str(value)
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size <= abs(value) < 1000 * size:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def in_order(points: Points) -> np.ndarray:
    """x and y in the order of x; numbers too large to compute with are infinite.  # [2, n] float64"""
    array = np.array([(float(x), float(y)) for x, y in points], dtype=float).reshape(-1, 2).T
    array = np.where(np.abs(array) > LARGEST, np.inf, array)
    return array[:, np.argsort(array[0], kind="stable")]


def stretches(points: np.ndarray, log: bool) -> list[np.ndarray]:
    """The stretches between values that cannot be drawn."""
    good = np.isfinite(points).all(axis=0)
    if log:
        good &= points[1] > 1 / LARGEST
    edges = np.flatnonzero(np.diff(good)) + 1
    return [
        part for part, keep in zip(np.split(points, edges, axis=1), np.split(good, edges), strict=True) if keep.any()
    ]


def smoothed(run: np.ndarray, log: bool) -> np.ndarray:
    """The mean of a moving median, both centred: it does not lag, and one wild value does not make a box of it."""
    count = run.shape[1]
    if count < SMOOTH_FROM:
        return run
    half = max(1, count // SMOOTH_SHARE // 2)
    values = np.log(run[1]) if log else run[1]
    for centre in (np.median, np.mean):
        padded = np.pad(values, half, mode="symmetric")
        values = centre(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return np.stack([run[0], np.exp(values) if log else values])


def thinned(run: np.ndarray) -> np.ndarray:
    """The lowest and the highest point of each bucket, in order: peaks survive."""
    count = run.shape[1]
    if count <= 2 * BUCKETS:
        return run
    keep = {0, count - 1}
    for bucket in np.array_split(np.arange(count), BUCKETS):
        keep |= {int(bucket[run[1, bucket].argmin()]), int(bucket[run[1, bucket].argmax()])}
    return run[:, sorted(keep)]


def _even_ticks(low: float, high: float, count: int) -> list[float]:
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * min((1, 2, 2.5, 5, 10), key=lambda factor: abs(math.log(size * factor / raw)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        ticks = [factor * 10.0**decade for decade in decades for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks[:: math.ceil(len(ticks) / (count + 1))]
    return _even_ticks(low, high, count)
