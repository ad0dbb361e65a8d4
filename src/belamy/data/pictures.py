"""One picture file to one uint8 array, whatever its mode, size, orientation or state.

Only formats that decode without running anything are opened (no EPS, which calls an interpreter), and the declared size
is checked before a pixel is decoded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from belamy.data.files import reason, visible
from belamy.data.fitting import WHITE, cropped, padded
from belamy.errors import Unreadable

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
SUFFIXES = frozenset(
    (".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg")
) | frozenset((".jpg", ".jpx", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"))
MOST_PIXELS = 100_000_000
"""More pixels than this in one file are taken for a decompression bomb."""
DEEP = 65535
"""What is white in a picture of 16 bits."""

_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))
_ROTATED = frozenset((5, 6, 7, 8))
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class PictureHeader:
    """What a picture says of itself before it is decoded; width and height as seen, after EXIF rotation."""

    width: int
    height: int
    mode: str
    grey: bool

    @property
    def cost(self) -> int:
        """Bytes of memory that decoding takes at its peak, all copies counted."""
        each = 8 if self.mode in ("1", "L") else 16 if self.mode in ("RGB", "CMYK", "F") or self.mode[0] == "I" else 20
        return self.width * self.height * each


class DecodedPicture(NamedTuple):
    """A picture as it was read.

    Args:
        pixels: uint8 ``[C, size, size]``.
        highest: The largest value of a picture of more than 8 bits.
        transparent: Whether white shines through.
    """

    pixels: np.ndarray
    highest: int | None
    transparent: bool


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


def read_picture(file: IO[bytes], size: int, fit: str, channels: int, levels: int | None = None) -> np.ndarray:
    """A picture as a square of uint8, as ``examined_picture`` reads it.  # [C, size, size]"""
    return examined_picture(file, size, fit, channels, levels).pixels


def examined_picture(file: IO[bytes], size: int, fit: str, channels: int, levels: int | None = None) -> DecodedPicture:
    """A picture as a square of uint8, and what was found in it.

    Rotated as its EXIF data says; transparency lies on white; 16-bit values are divided by 257; CMYK and other colour
    spaces become RGB; of an animation, the first frame.

    Args:
        file: The picture.
        size: Side of the square.
        fit: How it becomes square.
        channels: 1 for grey, 3 for RGB.
        levels: The value that is white where there are more than 8 bits; 65535 by default.

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    with _opened(file) as image:
        # A JPEG decodes at a half, quarter or eighth for far less work; twice the target keeps the filter honest.
        image.draft(None, (2 * size, 2 * size))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        highest = int(np.asarray(image).max()) if image.mode.startswith("I") else None
        coloured, transparent = _coloured(image, "L" if channels == 1 else "RGB", levels)
        pixels = np.asarray(squared(coloured, (size, size), fit), dtype=np.uint8)
    return DecodedPicture(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), highest, transparent)


def read_whole(file: IO[bytes]) -> np.ndarray:
    """A picture in its own size and shape as RGB, read as ``read_picture`` reads it.  # [H, W, 3] uint8

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    with strict_pillow(), _opened(file) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(_coloured(image, "RGB")[0], dtype=np.uint8)


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
        raise Unreadable(reason(error)) from error


@cache
def _formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this build of Pillow decodes, and what the package pillow-heif adds."""
    Image.init()
    names: tuple[str, ...] = FORMATS
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        names = (*FORMATS, "HEIF")
    return tuple(name for name in names if name in Image.OPEN)


def _is_grey(image: Image.Image) -> bool:
    if image.mode in _GREY_MODES:
        return True
    if image.mode not in ("P", "PA"):
        return False
    colours = np.asarray(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _coloured(image: Image.Image, mode: str, levels: int | None = None) -> tuple[Image.Image, bool]:
    """A picture on white in grey or RGB, and whether the white shines through."""
    transparent = False
    if image.mode.startswith("I"):
        image = _from_integers(image, levels)
    elif image.mode == "F":
        image = _from_floats(image)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        opaque = image.convert("RGBA")
        transparent = opaque.getchannel("A").getextrema() != (255, 255)
        canvas = Image.new("RGBA", opaque.size, (WHITE, WHITE, WHITE, 255))
        image = Image.alpha_composite(canvas, opaque)
    # Straight from CMYK or a palette to grey would skip the colour conversion that RGB output gets.
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image.convert(mode), transparent


def _from_integers(image: Image.Image, levels: int | None) -> Image.Image:
    values, white = np.asarray(image), levels or DEEP
    if values.min() < 0 or (levels is None and values.max() > DEEP):
        raise Unreadable(f"its values {values.min()}..{values.max()} lie outside 16 bits")
    return Image.fromarray(scaled(values, white))


def scaled(values: np.ndarray, white: int) -> np.ndarray:
    """Whole numbers from 0 as bytes: ``white`` and what is above become 255, rounded.

    Example:
        >>> scaled(np.array([0, 2048, 4095, 9999]), 4095)
        array([  0, 128, 255, 255], dtype=uint8)
    """
    wide = np.minimum(values, min(white, np.iinfo(values.dtype).max)).astype(np.uint32)  # 255 * 2^24 still fits
    wide *= 255
    wide += white // 2
    wide //= white
    return wide.astype(np.uint8)


def _from_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise Unreadable(f"its floats {values.min():g}..{values.max():g} lie outside 0..1")
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def squared(image: Image.Image, size: tuple[int, int], fit: str, ground: int = WHITE) -> Image.Image:
    """A picture in another size, bicubic; of a mask, whose ground is 0, the nearest pixels."""
    filtered = Image.Resampling.BICUBIC if ground else Image.Resampling.NEAREST
    if image.size == size:
        return image
    if fit == "pad":
        left, top, wide, high = padded(*image.size, size[0])
        canvas = Image.new(image.mode, size, (ground,) * len(image.getbands()) if ground else 0)
        canvas.paste(image.resize((wide, high), filtered), (left, top))
        return canvas
    if fit == "crop" and image.width != image.height:
        image = image.crop(cropped(*image.size))
    return image.resize(size, filtered)


def _contents(file: IO[bytes]) -> str:
    file.seek(0)
    start = file.read(16)
    if not start:
        return "the file is empty"
    if start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "HEIC, which needs one more package: pip install pillow-heif"
    known = {b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"<svg": "SVG text", b"<!DO": "a web page"}
    return known.get(start[:4], f"it starts with '{visible(start[:8].decode('latin-1'))}'")
