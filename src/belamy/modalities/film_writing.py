"""Writing films frame by frame: MP4, GIF, an array, or a folder of pictures; memory is that of a few frames."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from PIL import GifImagePlugin, Image, ImageChops

from belamy.errors import MissingExtra, UsageError
from belamy.modalities.animation import (
    MOST_FRAMES,
    SHORTEST,
    Thinned,
    even_sided,
    h264_stream,
    lent,
    palette_of,
    pyav_has_h264,
)
from belamy.modalities.grid import encode_png

KINDS = (".mp4", ".gif", ".npy", "")
"""Endings of films that can be written; the last is a folder of pictures."""
CLOCK = 90_000
"""Ticks of a second in an MP4."""
_LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


class FilmWriter(Protocol):
    """Takes the frames of one film in order."""

    def add(self, frame: np.ndarray, seconds: float) -> None:
        """A frame, uint8 [H, W, 1 or 3], and how long it is seen."""
        ...

    def close(self) -> None:
        """The end of the film: the file is whole now."""
        ...


def film_writer(path: Path, kind: str, names: Sequence[str] = ()) -> FilmWriter:
    """A writer of a film.

    Args:
        path: The file, or the folder, which is there.
        kind: One of :data:`KINDS`.
        names: Of the pictures in a folder; by default they are numbered.

    Raises:
        UsageError: There is no such kind.
        MissingExtra: PyAV is needed and not installed, or has no H.264.
    """
    if kind not in KINDS:
        raise UsageError(f"Films are written as .mp4, .gif or .npy files or as folders of pictures, not as {kind}.")
    if kind == ".mp4":
        check_mp4()
        return _Mp4(path)
    return _Gif(path) if kind == ".gif" else _Array(path) if kind == ".npy" else _Folder(path, names)


def check_mp4() -> None:
    """Refuse to write MP4 where that cannot be.

    Raises:
        MissingExtra: PyAV is not installed, or has no H.264.
    """
    if not pyav_has_h264():
        lacks = " (the one here has no H.264)" if importlib.util.find_spec("av") else ""
        raise MissingExtra("av", "video", f"writing MP4{lacks}")


class _Mp4:
    """H.264; odd sides are extended by one pixel, as its colours need."""

    def __init__(self, path: Path) -> None:
        import av

        self.film = av.open(str(path), "w", format="mp4")
        self.stream: Any = None
        self.ticks = 0.0

    def add(self, frame: np.ndarray, seconds: float) -> None:
        import av

        frame = even_sided(_coloured(frame))
        if self.stream is None:
            rate = Fraction(1 / seconds).limit_denominator(1001)
            self.stream = h264_stream(self.film, rate, frame)
            self.stream.codec_context.time_base = Fraction(1, CLOCK)
        shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        shown.pts, shown.time_base = round(self.ticks), Fraction(1, CLOCK)
        shown.duration = round(self.ticks + seconds * CLOCK) - round(self.ticks)
        self.ticks += seconds * CLOCK
        self.film.mux(self.stream.encode(shown))

    def close(self) -> None:
        if self.stream is not None:
            self.film.mux(self.stream.encode())
        self.film.close()


class _Gif:
    """One palette for all frames, of which only what changes is written; frames wait on the disk until it is chosen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        self.lent = Thinned[np.ndarray](MOST_FRAMES)
        self.times: list[float] = []
        self.shape = (0, 0, 3)

    def add(self, frame: np.ndarray, seconds: float) -> None:
        frame = _coloured(frame)
        self.shape = frame.shape
        self.waiting.write(np.ascontiguousarray(frame).tobytes())
        self.times.append(seconds)
        self.lent.offer(lambda: lent(Image.fromarray(frame)))

    def close(self) -> None:
        chosen = palette_of(self.lent.held)
        height, width, _ = self.shape
        colours = bytes(chosen.getpalette() or ()).ljust(768, b"\0")
        ends = np.round(np.cumsum(self.times) * 100).astype(int)  # hundredths; rounding does not pile up
        shown = np.maximum(np.diff(ends, prepend=0) * 10, SHORTEST)
        self.waiting.seek(0)
        before: Image.Image | None = None
        with self.path.open("wb") as file:
            file.write(b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\xf7\0\0" + colours)
            file.write(_LOOP)
            for milliseconds in shown.tolist():
                pixels = np.frombuffer(self.waiting.read(height * width * 3), np.uint8).reshape(self.shape)
                indexed = Image.fromarray(pixels).quantize(palette=chosen, dither=Image.Dither.NONE)
                changed = (0, 0, width, height)
                if before is not None:
                    both = (Image.fromarray(np.asarray(each)) for each in (before, indexed))  # numbers, not colours
                    changed = ImageChops.difference(*both).getbbox() or (0, 0, 1, 1)
                part = indexed.crop(changed)
                for block in GifImagePlugin.getdata(part, changed[:2], duration=milliseconds, disposal=1):
                    file.write(block)
                before = indexed
            file.write(b";")
        self.waiting.close()


class _Array:
    """Bytes [T, H, W, C]; the number of frames is written into its place at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.shape = path, 0, (0, 0, 0)

    def add(self, frame: np.ndarray, seconds: float) -> None:
        if not self.count:
            self.shape = frame.shape
            with self.path.open("wb") as file:
                self._head(file)
        with self.path.open("ab") as file:  # a film that is given up leaves no open file behind
            file.write(np.ascontiguousarray(frame).tobytes())
        self.count += 1

    def close(self) -> None:
        end = self.path.stat().st_size
        with self.path.open("r+b") as file:
            self._head(file)
            assert file.tell() + self.count * int(np.prod(self.shape)) == end  # NumPy leaves room for the count

    def _head(self, file: IO[bytes]) -> None:
        facts = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self.shape)}
        np.lib.format.write_array_header_1_0(file, facts)


class _Folder:
    """A PNG file for each frame."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names, self.count = path, names, 0

    def add(self, frame: np.ndarray, seconds: float) -> None:
        name = Path(self.names[self.count]).stem if self.names else f"frame-{self.count + 1:06d}"
        self.count += 1
        (self.path / f"{name}.png").write_bytes(encode_png(frame[..., 0] if frame.shape[2] == 1 else frame))

    def close(self) -> None:
        """Each frame is whole already."""


def _coloured(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
