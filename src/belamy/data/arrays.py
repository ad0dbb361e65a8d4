"""Arrays of any sensible layout and type, read as images: of bytes, or as deep as they are if that is asked for.

Values become bytes by type: bytes as they are; true/false to 0 and 255; 16-bit numbers divided by 257; floats in [0, 1]
times 255, rounded; floats in [-1, 1] by 127.5 x + 128, truncated; whole numbers in 0..255 as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.files import STEP, reading
from belamy.data.load_options import LoadOptions
from belamy.data.meaning import layout_of
from belamy.data.pictures import MOST_PIXELS, scaled
from belamy.errors import DataError
from belamy.modalities.colours import on_white
from belamy.modalities.depth import DEEP, DTYPES, scaled_to

_CHUNK = 4096
LEVELS = " (levels)"
"""Ends the note of what ``levels`` scaled."""


class Packed:
    """The rows of an array in a compressed file, read in order; going back starts at the beginning again.

    Args:
        what: Where they come from, for messages.
        open: Opens the file at its first value.
        shape: Of the whole array.
        dtype: Of its values.
        advice: What to do where it is too large to be kept in memory.
    """

    def __init__(
        self, what: str, open: Callable[[], IO[bytes]], shape: tuple[int, ...], dtype: np.dtype[Any], advice: str
    ) -> None:
        self.what, self.shape, self.dtype, self.advice = what, shape, dtype, advice
        self.ndim, self.size = len(shape), math.prod(shape)
        self._open, self._row = open, math.prod(shape[1:]) * dtype.itemsize
        self._file: IO[bytes] | None = None
        self._place = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(len(self))
        with reading(f"{self.what} is damaged"):
            if self._file is None or start < self._place:
                self._file, self._place = self._open(), 0
            for _ in range(self._place, start):
                self._take(1)
            content = self._take(stop - start)
        return content.view(self.dtype).reshape(-1, *self.shape[1:])

    def _take(self, rows: int) -> np.ndarray:
        """The bytes of the next rows."""
        assert self._file is not None
        content = np.empty(rows * self._row, np.uint8)
        filled, view = 0, content.data
        while filled < len(content) and (count := self._file.readinto(view[filled:])):  # type: ignore[attr-defined]
            filled += count
        held = (self._place * self._row + filled) // self.dtype.itemsize
        self._place += rows
        if filled < len(content) or (self._place == len(self) and self._file.read(1)):
            held_words = f"only {held:,}" if filled < len(content) else "more"
            raise DataError(f"{self.what} is damaged: it promises {self.size:,} values and holds {held_words}.")
        if self._place == len(self):
            self._file.close()
            self._file = None
        return content


@dataclass(frozen=True)
class Interpretation:
    """An array with the way to read its rows as images.

    Args:
        array: The values, in memory, mapped from disk or packed.
        what: Where they come from, for messages.
        shape: (C, H, W) of the images.
        values: Rows to pixels, of the same layout.
        layout: Rows of pixels to images.  # [n, ...] -> [n, C, H, W]
        note: How values were mapped, if they were.
        opacity: Whether the last channel is opacity.
        covered: Whether the images had opacity, and lie on white.
        bits: Of a pixel's value.
    """

    array: np.ndarray | Packed
    what: str
    shape: tuple[int, int, int]
    values: Callable[[np.ndarray], np.ndarray]
    layout: Callable[[np.ndarray], np.ndarray]
    note: str
    opacity: bool = False
    covered: bool = False
    bits: int = 8

    def read(self, indices: np.ndarray) -> Tensor:
        """The images at ``indices``.  # [n, C, H, W]"""
        rows = self.array[indices] if isinstance(self.array, np.ndarray) else self.array[indices[0] : indices[-1] + 1]
        images = torch.from_numpy(np.ascontiguousarray(self.layout(self.values(rows))))
        return on_white(images) if self.covered else images


class Joined:
    """Interpretations one after the other, as pixels to read when asked for."""

    streams = True
    identity = "file names, sizes and times, and labels"

    def __init__(self, parts: Sequence[Interpretation], marks: Sequence[str]) -> None:
        self._parts, self._marks = tuple(parts), tuple(marks)
        self._starts = np.cumsum([0, *(len(part.array) for part in parts)])
        self.shape, self.opacity, self.bits = parts[0].shape, parts[0].opacity, parts[0].bits
        self.advice = next((part.array.advice for part in parts if isinstance(part.array, Packed)), None)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, indices: Tensor) -> Tensor:
        wanted = indices.numpy()
        images = torch.empty((len(wanted), *self.shape), dtype=DTYPES[self.bits])
        for part, start in zip(self._parts, self._starts, strict=False):
            within = (wanted >= start) & (wanted < start + len(part.array))
            if within.any():
                images.numpy()[within] = part.read(wanted[within] - start).numpy()
        return images

    def feed(self, update: Callable[[Any], None]) -> None:
        for mark in self._marks:
            update(f"{mark}\n".encode())


def joined(parts: Sequence[Interpretation], marks: Sequence[str]) -> Joined:
    """Images of one shape from several arrays.

    Raises:
        DataError: Their shapes differ.
    """
    for part in parts[1:]:
        if part.shape != parts[0].shape:
            raise DataError(
                f"{parts[0].what} holds images of shape {parts[0].shape}, but {part.what} of shape {part.shape}."
            )
    return Joined(parts, marks)


def interpret(array: np.ndarray | Packed, what: str, options: LoadOptions | None = None) -> Interpretation:
    """Says how to read an array as images.

    Layouts: [N, H, W], [N, H, W, C] and [N, C, H, W], and [N, D] where D is a square. Of 4 channels the last is
    opacity, and so it is of 2 where transparency is kept. What could as well be sound, series, tables or volumes is an
    image only where that is said.

    Raises:
        DataError: No such layout, no such type, or values that fit none of the ranges.
    """
    options = options or LoadOptions()
    if array.dtype.kind not in "uifb":
        raise DataError(f"{what} holds {_kind(array)}, which are no pixels.")
    if array.ndim < 2 or not array.size:
        raise DataError(f"{what} has the shape {array.shape}, but images are [N, H, W] or [N, H, W, C].")
    layout = layout_of(array.shape, array.dtype, what, options)
    channels, height, width = layout.shape
    if height * width > MOST_PIXELS:
        raise DataError(f"{what} holds images of {width}x{height}; at most {MOST_PIXELS:,} pixels are read.")
    values, note = _values(array, what, options)
    opacity = channels == 4 or (channels == 2 and options.keeps_opacity)
    covered = opacity and not options.keeps_opacity
    if opacity:
        fate = "over white" if covered else "which is kept"
        note = "; ".join(filter(None, (note, f"the {'fourth' if channels == 4 else 'second'} channel was taken as "
                                             f"opacity, {fate}")))  # fmt: skip
    shape = (channels - covered, height, width)
    return Interpretation(
        array, what, shape, values, layout.arrange, note, opacity and not covered, covered, options.bits
    )


def _values(
    array: np.ndarray | Packed, what: str, options: LoadOptions
) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    if options.bits > 8:
        return _deep_values(array, what, options.levels, options.bits)
    levels = options.levels
    if array.dtype == np.uint8:
        return lambda rows: rows, ""
    if array.dtype.kind == "b":
        return lambda rows: rows.astype(np.uint8) * 255, "true and false became 255 and 0"
    low, high = _range(array, what)
    if array.dtype.kind == "f":
        if low >= 0 and high <= 1:
            return lambda rows: (rows * 255 + 0.5).astype(np.uint8), f"{array.dtype} in [0, 1] was multiplied by 255"
        if low >= -1 and high <= 1:
            mapped = f"{array.dtype} in [-1, 1] was mapped by 127.5 x + 128"
            return lambda rows: np.clip(rows * 127.5 + 128, 0, 255).astype(np.uint8), mapped
        raise _outside_of_unit(array, what, low, high)
    if levels is not None and low >= 0:
        return lambda rows: scaled(rows, levels), f"{array.dtype} values 0..{levels:,} became 0..255{LEVELS}"
    if low >= 0 and high <= 255:
        return lambda rows: rows.astype(np.uint8), f"{array.dtype} values in 0..255 were taken as bytes"
    if array.dtype == np.uint16:
        return lambda rows: scaled(rows, DEEP), f"uint16 values were divided by 257{unused(int(high))}"
    raise _outside(array, what, low, high, 255)


def _deep_values(
    array: np.ndarray | Packed, what: str, levels: int | None, bits: int
) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """Rows to uint16, or to float32 in [0, 1]."""
    top = "0..65,535" if bits == 16 else "0..1"
    if array.dtype == np.uint8 or array.dtype.kind == "b":
        white = 255 if array.dtype == np.uint8 else 1
        return lambda rows: scaled_to(rows.astype(np.uint8), white, bits), f"{array.dtype} values became {top}"
    low, high = _range(array, what)
    if array.dtype.kind == "f":
        if low >= 0 and high <= 1:
            exact = bits == 32 and array.dtype.itemsize <= 4
            return lambda rows: scaled_to(rows, 1.0, bits), "" if exact else f"{array.dtype} in [0, 1] became {top}"
        if low >= -1 and high <= 1:
            return lambda rows: scaled_to(rows.astype(np.float64) + 1, 2.0, bits), f"[-1, 1] became {top}"
        raise _outside_of_unit(array, what, low, high)
    if low < 0 or (levels is None and high > DEEP):
        raise _outside(array, what, low, high, DEEP)
    note = f"{array.dtype} values 0..{levels:,} became {top}{LEVELS}" if levels is not None else ""
    return lambda rows: scaled_to(rows, levels or DEEP, bits), note


def _outside_of_unit(array: np.ndarray | Packed, what: str, low: float, high: float) -> DataError:
    return DataError(
        f"{what} holds {array.dtype} values in [{low:g}, {high:g}], but floats must lie in [0, 1] or [-1, 1]. "
        "Divide them first, or save them as uint8."
    )


def _outside(array: np.ndarray | Packed, what: str, low: float, high: float, top: int) -> DataError:
    advice = " Divide them, or give the value that is white: --levels N." if low >= 0 else ""
    return DataError(
        f"{what} holds {array.dtype} values in [{low:g}, {high:g}], but pixels must lie in 0..{top}.{advice}"
    )


def unused(highest: int) -> str:
    """What to add to a note where 16-bit values leave their upper half unused; empty where they do not.

    Example:
        >>> unused(4011)
        '; they reach 4,011 of 65,535 only, so 17 of 256 shades are left: --levels 4095 uses all'
    """
    if highest > DEEP // 2:
        return ""
    shades, white = int(scaled(np.array([highest]), DEEP)[0]) + 1, max((1 << highest.bit_length()) - 1, 1)
    return f"; they reach {highest:,} of {DEEP:,} only, so {shades} of 256 shades are left: --levels {white} uses all"


def _range(array: np.ndarray | Packed, what: str) -> tuple[float, float]:
    lows, highs = [], []
    for part in _chunks(array):
        if array.dtype.kind == "f" and not np.isfinite(part).all():
            raise DataError(f"{what} holds values that are NaN or infinite.")
        lows.append(part.min())
        highs.append(part.max())
    return float(min(lows)), float(max(highs))


def _chunks(array: np.ndarray | Packed) -> Iterator[np.ndarray]:
    count = steps(math.prod(array.shape[1:]) * array.dtype.itemsize)
    for start in range(0, len(array), count):
        yield array[start : start + count]


def steps(row_bytes: int, most: int = _CHUNK) -> int:
    """How many rows are worked on at a time."""
    return max(1, min(most, STEP // max(row_bytes, 1)))


def _kind(array: np.ndarray | Packed) -> str:
    return {"O": "Python objects", "U": "texts", "S": "texts", "c": "complex numbers"}.get(
        array.dtype.kind, f"values of type {array.dtype}"
    )
