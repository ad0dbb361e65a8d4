"""Moving pictures: frames in order, the last one held, as GIF, WebP or MP4 bytes.

All three encoders take the same arguments: `frames`, uint8 [height, width, 3] each and all of one size; `seconds`, how
long the frames run; `hold_last`, how many seconds the last one then stays. More than 120 frames are thinned out evenly,
the first and the last kept.
"""

from __future__ import annotations

import importlib.util
import io
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from PIL import Image, features

from belamy.errors import MissingExtra, StorageError, UsageError

MOST_FRAMES = 120
FEW_FRAMES = 16  # a film that must be small keeps at least these
LEAST_SIDE, LARGEST_SIDE = 32, 800  # pixels of a frame that may still be shrunk, and of one in a small film
SHORTEST = 20  # milliseconds: browsers slow down GIF frames that ask for less
PALETTE_SIDE = 96  # every frame lends this many pixels squared to the choice of the palette
H264 = {"crf": "20", "preset": "medium"}  # crf 20: no visible blocks on small sharp pictures
if platform.machine().lower() in ("x86_64", "amd64"):  # x264's code for AVX-512 decides by memory it never wrote
    H264["x264-params"] = "asm=sse2"


T = TypeVar("T")


class Thinned(Generic[T]):
    """Things that come one by one, evenly thinned to at most so many.

    Args:
        most: How many are held at most.

    Example:
        >>> thinned = Thinned(4)
        >>> for number in range(10):
        ...     thinned.offer(lambda: number)
        >>> thinned.held, thinned.every
        ([0, 4, 8], 4)
    """

    def __init__(self, most: int) -> None:
        self.most, self.every, self.seen = most, 1, 0
        self.held: list[T] = []

    def offer(self, make: Callable[[], T]) -> None:
        """The next one, which is made only where it is held."""
        if self.seen % self.every == 0:
            self.held.append(make())
        self.seen += 1
        if len(self.held) > self.most:
            self.held, self.every = self.held[::2], 2 * self.every


def encode_gif(frames: Sequence[np.ndarray], seconds: float = 8.0, hold_last: float = 2.0) -> bytes:
    """An endless GIF with one palette for all frames, so still parts do not flicker and cost nothing.

    Example:
        >>> encode_gif([np.zeros((4, 4, 3), dtype=np.uint8)])[:6]
        b'GIF89a'
    """
    pictures, times = _pictures(frames), _durations(len(_thin(frames)), seconds, hold_last, unit=10)
    palette = _palette(pictures)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    return _save(indexed, "GIF", duration=times, loop=0)


def encode_webp(frames: Sequence[np.ndarray], seconds: float = 8.0, hold_last: float = 2.0, quality: int = 80) -> bytes:
    """An endless animated WebP, lossy at high quality: a fraction of the GIF's size in full colour.

    Raises:
        UsageError: this Pillow was built without WebP.
    """
    if not features.check("webp"):
        raise UsageError("this Pillow cannot write WebP. Use the GIF, or type: pip install --force-reinstall pillow")
    pictures, times = _pictures(frames), _durations(len(_thin(frames)), seconds, hold_last, unit=1)
    return _save(pictures, "WEBP", duration=times, loop=0, quality=quality, method=4)


def encode_mp4(frames: Sequence[np.ndarray], seconds: float = 8.0, hold_last: float = 2.0) -> bytes:
    """An H.264 film that every browser and telephone plays; odd sides are extended by one pixel.

    Raises:
        MissingExtra: neither PyAV, imageio-ffmpeg nor a program `ffmpeg` with H.264 is there.
    """
    pictures = [np.asarray(picture) for picture in _pictures(frames)]
    pictures = [even_sided(picture) for picture in pictures]
    _check_times(seconds, hold_last)
    rate = Fraction(len(pictures) / seconds).limit_denominator(100)
    pictures += [pictures[-1]] * round(hold_last * rate)
    if pyav_has_h264():
        return _film_by_pyav(pictures, rate)
    program = _ffmpeg()
    if program is None:
        raise MissingExtra("av", "video", "writing MP4")
    return _film_by_ffmpeg(program, pictures, rate)


def encode_within(frames: Sequence[np.ndarray], budget: int) -> bytes:
    """A film as WebP, or as GIF where there is none, of at most so many bytes: with fewer frames, then smaller ones.

    Args:
        frames: uint8.  # [H, W, 3] each
        budget: Bytes; the coarsest film of a few pixels may exceed it.
    """
    encode = partial(encode_webp, quality=60) if features.check("webp") else encode_gif
    kept, times = _thin(frames), -(-max(frames[0].shape[:2]) // LARGEST_SIDE)
    kept = [np.asarray(Image.fromarray(frame).reduce(times)) for frame in kept] if times > 1 else kept
    film = encode(kept)
    while len(film) > budget and min(kept[0].shape[:2]) >= LEAST_SIDE:
        if len(kept) > FEW_FRAMES:
            count = max(FEW_FRAMES, int(0.95 * len(kept) * budget / len(film)))
            kept = [kept[round(place)] for place in np.linspace(0, len(kept) - 1, count)]
        else:
            kept = [np.asarray(Image.fromarray(frame).reduce(2)) for frame in kept]
        film = encode(kept)
    return film


def available_codecs() -> tuple[str, ...]:
    """What can be written here, of "gif", "webp" and "mp4"; each is the ending of its encoder's name."""
    film = pyav_has_h264() or _ffmpeg() is not None
    return ("gif", *(["webp"] if features.check("webp") else []), *(["mp4"] if film else []))


def _thin(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    kept = np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int)
    return [frames[index] for index in kept]


def _pictures(frames: Sequence[np.ndarray]) -> list[Image.Image]:
    shapes = {(frame.shape, frame.dtype.name) for frame in frames}
    if len(shapes) != 1 or any(len(shape) != 3 or shape[2] != 3 or kind != "uint8" for shape, kind in shapes):
        found = ", ".join(f"{kind} {list(shape)}" for shape, kind in sorted(shapes)) or "no frame"
        raise UsageError(f"an animation needs frames of one size, uint8 [height, width, 3]; got {found}.")
    return [Image.fromarray(frame) for frame in _thin(frames)]


def _durations(count: int, seconds: float, hold_last: float, unit: int) -> list[int]:
    """Milliseconds of each frame, in whole `unit`s, that add up to the time asked for: rounding does not pile up."""
    _check_times(seconds, hold_last)
    edges = np.round(np.linspace(0, seconds * 1000, count + 1) / unit) * unit
    times = np.maximum(np.diff(edges), SHORTEST)
    times[-1] += round(hold_last * 1000 / unit) * unit
    return [int(time) for time in times]


def _check_times(seconds: float, hold_last: float) -> None:
    if not (0 < seconds < float("inf") and 0 <= hold_last < float("inf")):
        raise UsageError(
            f"an animation needs seconds above 0 and hold_last of at least 0; got {seconds} and {hold_last}."
        )


def _palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """Up to 256 colours chosen from all frames: an early frame of noise must not decide for the late ones."""
    return palette_of([lent(picture) for picture in pictures])


def lent(picture: Image.Image) -> np.ndarray:
    """What a picture lends to the choice of a palette.  # uint8 [96, 96, 3]"""
    return np.asarray(picture.resize((PALETTE_SIDE, PALETTE_SIDE), Image.Resampling.NEAREST))


def palette_of(pixels: Sequence[np.ndarray]) -> Image.Image:
    """A picture whose palette is the up to 256 colours of what pictures lent."""
    return Image.fromarray(np.concatenate(pixels)).quantize(256, method=Image.Quantize.MEDIANCUT)


def even_sided(pixels: np.ndarray) -> np.ndarray:
    """Pixels [H, W, C], an odd side extended by one, as the colours of H.264 need."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def h264_stream(film: Any, rate: Fraction, pixels: np.ndarray) -> Any:
    """A stream of H.264 for frames like this one in a film that PyAV writes."""
    stream = film.add_stream("libx264", rate=rate, options=H264)
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = "yuv420p"  # the only layout that all players know
    return stream


def _save(pictures: Sequence[Image.Image], kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    pictures[0].save(buffer, format=kind, save_all=True, append_images=pictures[1:], **options)
    return buffer.getvalue()


def pyav_has_h264() -> bool:
    """Whether PyAV is there and writes H.264."""
    if importlib.util.find_spec("av") is None:
        return False
    import av

    return "libx264" in av.codecs_available


def _ffmpeg() -> str | None:
    program = shutil.which("ffmpeg")
    if program is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
    return program


def _film_by_pyav(pictures: Sequence[np.ndarray], rate: Fraction) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp4") as film:
        stream = h264_stream(film, rate, pictures[0])
        for picture in pictures:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    return buffer.getvalue()


def _film_by_ffmpeg(program: str, pictures: Sequence[np.ndarray], rate: Fraction) -> bytes:
    height, width = pictures[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "film.mp4")  # a file, not a pipe: MP4 writes its index last and then goes back
        command = [program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        command += ["-r", str(rate), "-i", "-", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
        command += [*(word for key, value in H264.items() for word in (f"-{key}", value)), str(film)]
        done = subprocess.run(command, input=b"".join(p.tobytes() for p in pictures), capture_output=True, check=False)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise StorageError(f"{program} could not write an MP4 ({' '.join(reason)}). Use the GIF or the WebP.")
        return film.read_bytes()
