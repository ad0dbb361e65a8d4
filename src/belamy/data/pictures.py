"""One picture file to one uint8 array, whatever its mode, size, orientation or state.

Only formats that decode without running anything are opened (no EPS, which calls an interpreter), and the declared size
is checked before a pixel is decoded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from belamy.data.fitting import WHITE, cropped, padded

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
SUFFIXES = frozenset(
    (".apng", ".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg")
) | frozenset((".jpx", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"))
MOST_PIXELS = 100_000_000
"""More pixels than this in one file are taken for a decompression bomb."""

_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))
_ROTATED = frozenset((5, 6, 7, 8))
_ORIENTATION = 0x0112


class Unreadable(Exception):
    """A file that holds no picture that can be used; the text is the reason."""


@dataclass(frozen=True)
class PictureHeader:
    """What a picture says of itself before it is decoded; width and height as seen, after EXIF rotation."""

    width: int
    height: int
    mode: str
    grey: bool


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Bomb warnings become errors and chatter about odd metadata is silenced, for all threads, while files are read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_header(file: IO[bytes]) -> PictureHeader:
    """The size and mode of a picture, from its header alone.

    Raises:
        Unreadable: No picture, or one with too many pixels.
    """
    with _opened(file) as image:
        width, height = image.size
        # A PNG without EXIF data up front would be decoded whole in search of some.
        if (image.format != "PNG" or "exif" in image.info) and image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
        return PictureHeader(width, height, image.mode, _is_grey(image))


def read_picture(file: IO[bytes], size: int, fit: str, channels: int) -> np.ndarray:
    """A picture as a square of uint8.  # [C, size, size]

    Rotated as its EXIF data says; transparency lies on white; 16-bit values are divided by 257; CMYK and other colour
    spaces become RGB; of an animation, the first frame.

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    with _opened(file) as image:
        # A JPEG decodes at a half, quarter or eighth for far less work; twice the target keeps the filter honest.
        image.draft(None, (2 * size, 2 * size))
        image.load()
        upright = ImageOps.exif_transpose(image)
        squared = _squared(_coloured(upright, "L" if channels == 1 else "RGB"), size, fit)
        pixels = np.asarray(squared, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def read_whole(file: IO[bytes]) -> np.ndarray:
    """A picture in its own size and shape as RGB, read as ``read_picture`` reads it.  # [H, W, 3] uint8

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    with strict_pillow(), _opened(file) as image:
        image.load()
        return np.asarray(_coloured(ImageOps.exif_transpose(image), "RGB"), dtype=np.uint8)


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    try:
        with Image.open(file, formats=_formats()) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Unreadable(f"too many pixels ({width}x{height}; at most {MOST_PIXELS // 1_000_000} million)")
            yield image
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable("too many pixels (a decompression bomb?)") from error
    except UnidentifiedImageError as error:
        raise Unreadable(f"not an image ({_contents(file)})") from error
    # A hostile or damaged file can make a decoder raise nearly anything; whatever it is, the file is listed by name.
    except Exception as error:
        raise Unreadable(_reason(error)) from error


@cache
def _formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this build of Pillow decodes."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _is_grey(image: Image.Image) -> bool:
    if image.mode in _GREY_MODES:
        return True
    if image.mode not in ("P", "PA"):
        return False
    colours = np.asarray(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _coloured(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):
        image = _from_integers(image)
    elif image.mode == "F":
        image = _from_floats(image)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        opaque = image.convert("RGBA")
        canvas = Image.new("RGBA", opaque.size, (WHITE, WHITE, WHITE, 255))
        image = Image.alpha_composite(canvas, opaque)
    # Straight from CMYK or a palette to grey would skip the colour conversion that RGB output gets.
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image.convert(mode)


def _from_integers(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise Unreadable(f"its values {values.min()}..{values.max()} lie outside 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _from_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise Unreadable(f"its floats {values.min():g}..{values.max():g} lie outside 0..1")
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def _squared(image: Image.Image, size: int, fit: str) -> Image.Image:
    width, height = image.size
    if fit == "pad":
        left, top, wide, high = padded(width, height, size)
        canvas = Image.new(image.mode, (size, size), WHITE if image.mode == "L" else (WHITE, WHITE, WHITE))
        canvas.paste(image.resize((wide, high), Image.Resampling.BICUBIC), (left, top))
        return canvas
    box = cropped(width, height) if fit == "crop" else (0, 0, width, height)
    return image.crop(box).resize((size, size), Image.Resampling.BICUBIC)


def _contents(file: IO[bytes]) -> str:
    file.seek(0)
    start = file.read(16)
    if not start:
        return "the file is empty"
    known = {b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"<svg": "SVG text", b"<!DO": "a web page"}
    shown = re.sub(r"[^\x20-\x7e]", ".", start[:8].decode("latin-1"))
    return known.get(start[:4], f"it starts with '{shown}'")


def _reason(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text[:120] if text else type(error).__name__
