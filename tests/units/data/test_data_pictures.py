"""Every mode, orientation and fit of a picture gives the pixels a person would see; nothing hostile is decoded."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data.fitting import fit
from belamy.data.pictures import is_picture_name, read_header, read_picture, strict_pillow
from belamy.errors import Unreadable


def encoded(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def png(width: int, height: int, rows: bytes = b"") -> io.BytesIO:
    """A PNG that declares any size, with whatever pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return io.BytesIO(signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


SQUARE = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def modes() -> dict[str, tuple[Image.Image, str, bool]]:
    """Mode → (an 8x8 picture of ``SQUARE`` in grey, format, whether it counts as grey)."""
    grey = Image.fromarray(SQUARE)
    deep = (SQUARE.astype(np.uint16) * 257).astype(np.uint16)
    palette = Image.fromarray(SQUARE).convert("P")
    palette.putpalette([value for value in range(256) for _ in range(3)])
    tinted = palette.copy()
    tinted.putpalette([value for level in range(256) for value in (level, level, level if level != 255 else 0)])
    opaque = Image.merge("LA", (grey, Image.new("L", (8, 8), 255)))
    return {
        "L": (grey, "PNG", True),
        "LA": (opaque, "PNG", True),
        "I;16": (Image.fromarray(deep), "PNG", True),
        "I;16 tiff": (Image.fromarray(deep), "TIFF", True),
        "I": (Image.fromarray(deep.astype(np.int32)), "TIFF", True),
        "F": (Image.fromarray((SQUARE / 255).astype(np.float32)), "TIFF", True),
        "P grey": (palette, "PNG", True),
        "P": (tinted, "PNG", False),
        "RGB": (grey.convert("RGB"), "PNG", False),
        "RGBA": (grey.convert("RGBA"), "PNG", False),
        "CMYK": (Image.merge("CMYK", (*[Image.new("L", (8, 8), 0)] * 3, Image.fromarray(255 - SQUARE))), "TIFF", False),
        "bmp": (grey.convert("RGB"), "BMP", False),
        "webp": (grey.convert("RGB"), "WEBP", False),
        "tga": (grey, "TGA", True),
        "ppm": (grey.convert("RGB"), "PPM", False),
    }


@pytest.mark.parametrize("name", modes())
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_gives_the_same_pixels(name, channels):
    image, kind, grey = modes()[name]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    file = encoded(image, kind, **options)
    header = read_header(file)
    assert (header.width, header.height, header.grey) == (8, 8, grey)
    file.seek(0)
    pixels = read_picture(file, (8, 8), "crop", channels)
    assert pixels.shape == (channels, 8, 8)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - SQUARE).max() <= (1 if name == "CMYK" else 0)


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight():
    values = np.array([[0, 128, 129, 385, 386, 32767, 65406, 65407, 65535]], np.uint16).repeat(9, 0)
    pixels = read_picture(encoded(Image.fromarray(values)), (9, 9), "crop", 1)[0, 0]
    assert pixels.tolist() == [round(value / 257) for value in values[0].tolist()]


def test_one_bit_pictures_become_black_and_white():
    image = Image.fromarray(SQUARE > 100)
    pixels = read_picture(encoded(image), (8, 8), "crop", 1)
    assert np.array_equal(pixels[0], np.where(SQUARE > 100, 255, 0))


def test_colours_stay_apart():
    colour = Image.new("RGB", (8, 8), (10, 100, 200))
    assert read_picture(encoded(colour), (8, 8), "crop", 3)[:, 0, 0].tolist() == [10, 100, 200]
    assert read_picture(encoded(colour), (8, 8), "crop", 1)[0, 0, 0] == round(0.299 * 10 + 0.587 * 100 + 0.114 * 200)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    if mode == "P":
        indexed = Image.new("P", (8, 8), 1)
        indexed.putpalette([0, 0, 0, 9, 9, 9])
        indexed.paste(0, (0, 0, 4, 8))
        file = encoded(indexed, transparency=1)
    else:
        file = encoded(image.convert(mode))
    pixels = read_picture(file, (8, 8), "crop", 3)
    assert pixels[:, :, :4].max() == 0
    assert pixels[:, :, 4:].min() == 255


def test_half_opacity_is_blended():
    assert read_picture(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 127))), (8, 8), "crop", 1)[0, 0, 0] == 128


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(orientation):
    upright = np.zeros((16, 16), np.uint8)
    upright[:8, :8], upright[:8, 8:], upright[8:, :8], upright[8:, 8:] = 0, 80, 160, 240
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(Image.fromarray(np.ascontiguousarray(undo[orientation])), "PNG", exif=exif)
    assert np.array_equal(read_picture(file, (16, 16), "crop", 1)[0], upright)


def test_the_header_tells_the_size_as_seen():
    exif = Image.Exif()
    exif[0x0112] = 6
    header = read_header(encoded(Image.new("L", (30, 20)), "JPEG", exif=exif))
    assert (header.width, header.height) == (20, 30)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("L", (8, 8), value) for value in (40, 200)]
    file = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(read_picture(file, (8, 8), "crop", 1).astype(int) - 40).max() <= 1


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("shape", [(9, 14), (14, 9), (30, 8), (8, 8)])
def test_files_and_arrays_are_fitted_alike(how, shape):
    # Values in the middle, because rows and columns are clipped in another order where the filter overshoots.
    pixels = np.random.default_rng(0).integers(64, 192, (*shape, 3), dtype=np.uint8)
    from_file = read_picture(encoded(Image.fromarray(pixels)), (8, 8), how, 3)
    from_array = fit(torch.from_numpy(pixels).permute(2, 0, 1)[None], (8, 8), how)[0].numpy()
    assert from_file.shape == from_array.shape
    assert np.abs(from_file.astype(int) - from_array.astype(int)).max() <= 1


def test_a_jpeg_decoded_at_a_fraction_still_looks_the_same():
    ramp = np.linspace(0, 255, 512).astype(np.uint8)[None].repeat(512, 0)
    small = read_picture(encoded(Image.fromarray(ramp), "JPEG", quality=95), (16, 16), "crop", 1)
    expected = Image.fromarray(ramp).resize((16, 16), Image.Resampling.BICUBIC)
    assert np.abs(small[0].astype(int) - np.asarray(expected, int)).max() <= 3


@pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (10_001, 10_000), (60_000, 1_600)])
def test_bombs_are_refused_before_they_are_decoded(width, height):
    for read in (read_header, lambda file: read_picture(file, (8, 8), "crop", 1)):
        with pytest.raises(Unreadable, match="too many pixels"), strict_pillow():
            read(png(width, height))


def test_a_bomb_is_refused_in_the_middle_zone_where_pillow_only_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Unreadable, match=r"too many pixels \(10001x10000; at most 100 million\)"):
            read_header(png(10_001, 10_000))


@pytest.mark.parametrize("kept", [0, 5, 60, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_truncated_files_are_unreadable(kind, kept):
    noisy = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noisy), kind).getvalue()
    part = whole[: kept if isinstance(kept, int) else int(len(whole) * kept)]
    with pytest.raises(Unreadable) as caught, strict_pillow():
        read_picture(io.BytesIO(part), (8, 8), "crop", 3)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello, I am a text", "it starts with 'hello, I'"),
        (b"%PDF-1.7 etc", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"<svg xmlns=''/>", "SVG"),
    ],
)
def test_what_is_no_image_is_said_to_be_none(content, reason):
    with pytest.raises(Unreadable, match=reason):
        read_header(io.BytesIO(content))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((8, 8), 70_000, np.int32), "outside 16 bits"),
        (np.full((8, 8), -1, np.int32), "outside 16 bits"),
        (np.full((8, 8), 3.5, np.float32), "outside 0..1"),
        (np.full((8, 8), np.nan, np.float32), "outside 0..1"),
    ],
)
def test_values_without_a_scale_are_refused(values, reason):
    with pytest.raises(Unreadable, match=reason):
        read_picture(encoded(Image.fromarray(values), "TIFF"), (8, 8), "crop", 1)


def outcome(content: bytes) -> tuple[int, ...] | str:
    """The shape of the picture, or why it cannot be read."""
    try:
        with strict_pillow():
            return read_picture(io.BytesIO(content), (8, 8), "crop", 3).shape
    except Unreadable as finding:
        return str(finding)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "TGA", "PPM"])
def test_random_damage_never_escapes_as_another_error(kind):
    source = np.random.default_rng(1)
    noisy = Image.fromarray(source.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    whole = np.frombuffer(encoded(noisy, kind).getvalue(), np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        # Half of the damage goes to the first bytes, where the headers are.
        places = np.concatenate([source.integers(0, len(damaged), 3), source.integers(0, min(64, len(damaged)), 3)])
        damaged[places] = source.integers(0, 256, len(places))
        found = outcome(damaged.tobytes())
        assert found == (3, 8, 8) or (isinstance(found, str) and found)


def test_names_of_pictures():
    assert is_picture_name("a/b.JPG")
    assert is_picture_name("a.tiff")
    assert not is_picture_name("a.eps")
    assert not is_picture_name(Path("labels.csv").name)
