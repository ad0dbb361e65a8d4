"""What an array may be taken for by its shape, and how to say it where the shape leaves that open."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from belamy.data.load_options import MOST_CHANNELS, LoadOptions
from belamy.errors import DataError
from belamy.modalities.sizes import SMALLEST

CLEAR = (1, 3, 4)
"""Channels by which pictures are known."""
FEW = 8
"""Other numbers of channels up to this are taken for channels where one axis alone has so few."""
THIN, LONG = 8, 8
"""Numbers that are no bytes may be anything where a side is shorter than this, or the other so many times longer."""
WORDS = {
    2: "--modality table for rows of columns, --modality vector for points, --modality series or --modality audio "
    "--rate 16000 for one signal a row, --modality text for tokens",
    3: "--modality image for grey pictures [N, H, W], --modality audio --rate 16000 for sound [N, channels, samples], "
    "--modality series for [N, steps, channels]",
    4: "--modality image:layout=channels-last for pictures [N, H, W, C], --modality image:layout=channels-first for "
    "[N, C, H, W], --modality volume for [N, D, H, W], --modality video --rate 25 for grey films [N, frames, H, W]",
    5: "--modality video --rate 25 for films [N, frames, H, W, C], --modality volume for [N, 1, D, H, W]",
}
"""What settles the meaning of an array, by its number of axes."""


class PictureLayout(NamedTuple):
    """How rows of an array are images.

    Args:
        shape: (C, H, W) of one.
        arrange: ``[n, …]`` to ``[n, C, H, W]``.
    """

    shape: tuple[int, int, int]
    arrange: Callable[[np.ndarray], np.ndarray]


def layout_of(shape: tuple[int, ...], dtype: np.dtype, what: str, options: LoadOptions) -> PictureLayout:
    """The layout of an array of images.

    Raises:
        DataError: Its shape is none of images, or as well that of something else; the text says what settles it.
    """
    said = options.says_image
    found = _found(shape, options)
    if found is None or not (said or _is_picture(found.shape, dtype)):
        raise DataError(open_meaning(shape, what))
    return found


def open_meaning(shape: tuple[int, ...], what: str) -> str:
    """What to say of an array that could be several things."""
    known = "images are [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels, or few others"
    words = WORDS.get(len(shape))
    return f"{what} has the shape {shape}, but {known}." + (f" Say what it holds: {words}." if words else "")


def _found(shape: tuple[int, ...], options: LoadOptions) -> PictureLayout | None:
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        return (
            PictureLayout((1, side, side), lambda rows: rows.reshape(-1, 1, side, side))
            if side**2 == shape[1]
            else None
        )
    if len(shape) == 3:
        return PictureLayout((1, shape[1], shape[2]), lambda rows: rows[:, None])
    if len(shape) != 4:
        return None
    last = PictureLayout((shape[3], shape[1], shape[2]), lambda rows: rows.transpose(0, 3, 1, 2))
    first = PictureLayout((shape[1], shape[2], shape[3]), lambda rows: rows)
    if options.layout:
        return last if options.layout == "channels-last" else first
    for layout in (last, first):
        if layout.shape[0] in CLEAR:
            return layout
    most = MOST_CHANNELS if options.says_image else FEW
    likely = [layout for layout in (last, first) if layout.shape[0] <= most and layout.shape[0] < min(layout.shape[1:])]
    return likely[0] if len(likely) == 1 else None


def _is_picture(shape: tuple[int, int, int], dtype: np.dtype) -> bool:
    """Whether rows of this shape are pictures without a doubt: bytes, or numbers in no thin strips."""
    short, long = sorted(shape[1:])
    if short < SMALLEST:
        return False
    return dtype.kind == "b" or dtype == np.uint8 or (short >= THIN and long <= LONG * short)
