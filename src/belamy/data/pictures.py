"""One picture file to one array, whatever its mode, size, orientation or state: of bytes, or as deep as it is.

Only formats that decode without running anything are opened (no EPS, which calls an interpreter), and the declared size
is checked before a pixel is decoded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from belamy.data.files import reason, visible, walk
from belamy.data.fitting import WHITE, cropped, fit, padded
from belamy.errors import Unreadable
from belamy.modalities.colours import has_opacity, recolour
from belamy.modalities.depth import Values, checked, deep_colours, has_deep_colours, pixels_of
from belamy.modalities.sizes import Size

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
SUFFIXES = frozenset(
    (".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg")
) | frozenset((".jpg", ".jpx", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"))
MOST_PIXELS = 100_000_000
"""More pixels than this in one file are taken for a decompression bomb."""

GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"))
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_ROTATED = frozenset((5, 6, 7, 8))
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class PictureHeader:
    """What a picture says of itself before it is decoded.

    Args:
        width: As seen, after EXIF rotation.
        height: The same.
        mode: Pillow's.
        grey: Whether it has no colours.
        opaque: Whether nothing in it can be transparent.
        deep: Whether its colours have 16 bits, which Pillow reads as 8.
    """

    width: int
    height: int
    mode: str
    grey: bool
    opaque: bool = True
    deep: bool = False

    @property
    def cost(self) -> int:
        """Bytes of memory that decoding takes at its peak, all copies counted."""
        each = 8 if self.mode in ("1", "L") else 16 if self.mode in ("RGB", "CMYK", "F") or self.mode[0] == "I" else 20
        return self.width * self.height * each


class DecodedPicture(NamedTuple):
    """A picture as it was read.

    Args:
        pixels: ``[C, H, W]``: uint8, uint16, or float32 in [0, 1], by the bits that were asked for.
        highest: The largest value of a picture of more than 8 bits.
        transparent: Whether white shines through, or would.
    """

    pixels: np.ndarray
    highest: int | None
    transparent: bool


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def count_alone(path: Path, wanted: Callable[[str], bool]) -> int:
    """How many files of wanted names a folder holds; none where there is a picture, which ends the search."""
    found = 0
    for file in walk(path, unread=[]) if path.is_dir() else ():
        if is_picture_name(file.name):
            return 0
        found += wanted(file.name)
    return found


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
    with opened_picture(file) as image:
        width, height = image.size
        if _is_rotated(image):
            width, height = height, width
        return PictureHeader(
            width, height, image.mode, _is_grey(image), not _can_be_transparent(image), has_deep_colours(image)
        )


def read_picture(file: IO[bytes], size: Size, how: str, channels: int, levels: int | None = None) -> np.ndarray:
    """A picture of a size as uint8, as ``examined_picture`` reads it.  # [C, *size]"""
    return examined_picture(file, size, how, channels, levels).pixels


def examined_picture(
    file: IO[bytes], size: Size, how: str, channels: int, levels: int | None = None, bits: int = 8
) -> DecodedPicture:
    """A picture of a size, and what was found in it.

    Rotated as its EXIF data says; transparency lies on white, unless it is kept as the last of 2 or 4 channels; 16-bit
    values are divided by 257, unless more bits are wanted; CMYK and other colour spaces become RGB; of an animation,
    the first frame.

    Args:
        file: The picture.
        size: (height, width).
        how: ``crop``, ``pad`` or ``stretch``: how it takes that size.
        channels: 1 for grey, 3 for RGB, 2 and 4 for the same with opacity.
        levels: The value that is white where there are more than 8 bits; 65535 by default.
        bits: 8 or 16, or 32 for floats in [0, 1].

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    if channels not in _MODES:
        raise Unreadable(f"a picture file has 1 to 4 channels, not {channels}: give an array")
    with opened_picture(file) as image:
        # A JPEG decodes at a half, quarter or eighth for far less work; twice the target keeps the filter honest.
        image.draft(None, (2 * max(size), 2 * max(size)))
        if bits > 8:
            values = _deep_values(image, levels)
            highest = int(values.colours.max()) if values.white > 255 else None
            transparent = values.opacity is not None and bool((values.opacity < values.opaque).any())
            deep = fit(recolour(pixels_of(values, bits)[None], channels), size, how, has_opacity(channels))[0]
            return DecodedPicture(deep.numpy(), highest, transparent)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        highest = int(np.asarray(image).max()) if image.mode.startswith("I") else None
        coloured, transparent = _coloured(image, _MODES[channels], levels)
        pixels = np.asarray(squared(coloured, size[::-1], how), dtype=np.uint8)
    return DecodedPicture(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), highest, transparent)


def read_whole(file: IO[bytes]) -> np.ndarray:
    """A picture in its own size and shape as RGB, read as ``read_picture`` reads it.  # [H, W, 3] uint8

    Raises:
        Unreadable: No picture, a truncated one, or one with too many pixels.
    """
    with strict_pillow(), opened_picture(file) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(_coloured(image, "RGB")[0], dtype=np.uint8)


@contextmanager
def opened_picture(file: IO[bytes]) -> Iterator[Image.Image]:
    """A picture whose header was read, within the context.

    Raises:
        Unreadable: No picture, or one with too many pixels; or whatever went wrong with it in the context.
    """
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
    if image.mode in GREY_MODES:
        return True
    if image.mode not in ("P", "PA"):
        return False
    colours = np.asarray(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _is_rotated(image: Image.Image) -> bool:
    # A PNG without EXIF data up front would be decoded whole in search of some.
    return (image.format != "PNG" or "exif" in image.info) and image.getexif().get(_ORIENTATION) in _ROTATED


def _can_be_transparent(image: Image.Image) -> bool:
    return "A" in image.mode or "a" in image.mode or "transparency" in image.info


def _coloured(image: Image.Image, mode: str, levels: int | None = None) -> tuple[Image.Image, bool]:
    """A picture in grey or RGB, on white or with its opacity, and whether the white shines through."""
    transparent, kept = False, "A" in mode
    if image.mode.startswith("I"):
        image = _from_integers(image, levels)
    elif image.mode == "F":
        image = _from_floats(image)
    if _can_be_transparent(image):
        opaque = image.convert("RGBA")
        transparent = opaque.getchannel("A").getextrema() != (255, 255)
        if kept:
            return opaque.convert(mode), transparent
        canvas = Image.new("RGBA", opaque.size, (WHITE, WHITE, WHITE, 255))
        image = Image.alpha_composite(canvas, opaque)
    # Straight from CMYK or a palette to grey would skip the colour conversion that RGB output gets.
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image.convert(mode), transparent


def _from_integers(image: Image.Image, levels: int | None) -> Image.Image:
    values = np.asarray(image)
    return Image.fromarray(scaled(values, int(checked(values, levels))))


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
    checked(values, None)
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def squared(image: Image.Image, size: tuple[int, int], how: str, ground: int = WHITE) -> Image.Image:
    """A picture in another (width, height), bicubic; of a mask, whose ground is 0, the nearest pixels."""
    filtered = Image.Resampling.BICUBIC if ground else Image.Resampling.NEAREST
    if image.size == size:
        return image
    if how == "pad":
        left, top, wide, high = padded(*image.size, size[::-1])
        canvas = Image.new(image.mode, size, (ground,) * len(image.getbands()) if ground else 0)
        canvas.paste(image.resize((wide, high), filtered), (left, top))
        return canvas
    box = cropped(*image.size, size[::-1])
    if how == "crop" and box != (0, 0, *image.size):
        image = image.crop(box)
    return image.resize(size, filtered)


def _deep_values(image: Image.Image, levels: int | None) -> Values:
    """Values as the file holds them."""
    if has_deep_colours(image):
        values = deep_colours(image, partial(Image.open, formats=_formats()))
        return values if levels is None else values._replace(white=levels)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):
        plain = np.asarray(image)
        return Values(plain[..., None], checked(plain, levels))
    mode = ("L" if _is_grey(image) else "RGB") + ("A" if _can_be_transparent(image) else "")
    pixels = np.atleast_3d(np.asarray(_coloured(image, mode)[0]))
    return Values(pixels[..., :-1], 255, pixels[..., -1]) if mode.endswith("A") else Values(pixels, 255)


def _contents(file: IO[bytes]) -> str:
    file.seek(0)
    start = file.read(16)
    if not start:
        return "the file is empty"
    if start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "HEIC, which needs one more package: pip install pillow-heif"
    known = {b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"<svg": "SVG text", b"<!DO": "a web page"}
    return known.get(start[:4], f"it starts with '{visible(start[:8].decode('latin-1'))}'")
