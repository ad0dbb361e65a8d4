"""Reading films: GIF by Pillow, arrays by NumPy, everything else by PyAV."""

from __future__ import annotations

import importlib.util
import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from belamy.errors import MissingExtra, Unreadable
from belamy.modalities.arrays import read_npy

GIF = b"GIF8"
MOST_FRAMES, MOST_BYTES = 100_000, 1 << 31
"""Of a film that is read."""


class ReadFilm(NamedTuple):
    """What a file holds.

    Args:
        frames: uint8.  # [T, H, W, 1 or 3]
        rate: Frames a second, if the file says.
    """

    frames: np.ndarray
    rate: float | None


def read_film(data: bytes) -> ReadFilm:
    """The frames of a GIF, or of a film that PyAV reads.

    Raises:
        Unreadable: It is damaged, too large, or no film.
        MissingExtra: PyAV is needed and not installed.
    """
    if data.startswith(GIF):
        return _read_gif(data)
    if importlib.util.find_spec("av") is None:
        raise MissingExtra("av", "video", "reading films other than GIF")
    return _read_by_pyav(data)


def read_frames_array(data: bytes) -> np.ndarray:
    """The frames in the bytes of a ``.npy`` file.  # uint8 [T, H, W, 1 or 3]

    Raises:
        Unreadable: It is damaged, or its values are no frames'.
    """
    return as_frames(read_npy(data))


def over_white(frame: Image.Image) -> np.ndarray:
    """A frame of a GIF or WebP, what is not opaque over white.  # uint8 [H, W, 3]"""
    opaque = frame.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB"))


def as_frames(array: np.ndarray) -> np.ndarray:
    """An array [T, H, W], [T, H, W, C] or [T, C, H, W] as frames; floats are in [0, 1].  # uint8 [T, H, W, 1 or 3]

    Raises:
        Unreadable: It has another shape, or values of another kind or range.
    """
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise Unreadable(f"an array of shape {array.shape}, but films are [frames, height, width, 1 or 3]")
    if array.dtype.kind not in "buif":
        raise Unreadable(f"values of type {array.dtype}, which are no pixels")
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * 255
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Unreadable("values that are NaN or infinite")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return (array * 255).round().astype(np.uint8)
    if low < 0 or high > 255 or array.dtype.kind == "f":
        raise Unreadable(f"values from {low:g} to {high:g}, but pixels are bytes, or floats in 0..1")
    return array.astype(np.uint8)


def _read_gif(data: bytes) -> ReadFilm:
    frames, times = [], []
    try:
        with Image.open(io.BytesIO(data)) as film:
            for place in range(min(getattr(film, "n_frames", 1), MOST_FRAMES)):
                film.seek(place)
                frames.append(over_white(film))
                times.append(float(film.info.get("duration", 0)))
                if len(frames) * frames[0].nbytes > MOST_BYTES:
                    raise Unreadable(f"more than {MOST_BYTES:,} bytes of pixels")
    except Unreadable:
        raise
    except Exception as error:  # what is damaged can raise nearly anything
        raise Unreadable(f"a damaged GIF ({str(error).splitlines()[0][:80]})") from error
    total = sum(times)
    return ReadFilm(np.stack(frames), round(1000 * len(times) / total, 3) if total else None)


def _read_by_pyav(data: bytes) -> ReadFilm:
    import av

    frames: list[np.ndarray] = []
    try:
        with av.open(io.BytesIO(data), "r") as film:
            if not film.streams.video:
                raise Unreadable("it holds no pictures")
            stream = film.streams.video[0]
            rate = float(stream.average_rate) if stream.average_rate else None
            for frame in film.decode(stream):
                frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) > MOST_FRAMES or len(frames) * frames[0].nbytes > MOST_BYTES:
                    raise Unreadable(f"more than {MOST_FRAMES:,} frames or {MOST_BYTES:,} bytes of pixels")
    except Unreadable:
        raise
    except Exception as error:  # what is damaged can raise nearly anything
        raise Unreadable(f"not a film, or a damaged one ({str(error).splitlines()[0][:80]})") from error
    if not frames:
        raise Unreadable("a film without frames")
    return ReadFilm(np.stack(frames), rate)
