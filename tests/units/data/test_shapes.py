"""Pictures at their own shape: any height and width, channels, opacity and depth."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data import open_data
from belamy.data.fitting import fit
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import examined_picture, read_header
from belamy.errors import DataError, UsageError
from belamy.modalities.colours import on_white, recolour
from belamy.modalities.sizes import parse_size

NOISE = np.random.default_rng(7)


def png_of(values: np.ndarray) -> bytes:
    """A PNG of 16 bits, [H, W, C], written by hand: Pillow writes none with colours."""
    height, width, channels = values.shape
    rows = b"".join(bytes([0]) + row.astype(">u2").tobytes() for row in values)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def tiff_of(values: np.ndarray) -> bytes:
    """An uncompressed TIFF of 16-bit RGB in two strips, the lower byte first."""
    height, width, channels = values.shape
    half = height // 2
    strips = [values[:half].astype("<u2").tobytes(), values[half:].astype("<u2").tobytes()]
    extra = struct.pack("<3H", 16, 16, 16)
    place = 8
    offsets = [place, place + len(strips[0])]
    bits_at = offsets[1] + len(strips[1])
    lists_at = bits_at + len(extra)
    lists = struct.pack("<2I", *offsets) + struct.pack("<2I", *map(len, strips))
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits_at), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 2, lists_at), (277, 3, 1, channels), (278, 4, 1, half), (279, 4, 2, lists_at + 8),
    ]  # fmt: skip
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    body = b"".join(strips) + extra + lists
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + table


def folder(where: Path, count: int = 4, **files: bytes) -> Path:
    where.mkdir(exist_ok=True)
    for number in range(count):
        for ending, content in files.items():
            (where / f"{number}.{ending}").write_bytes(content)
    return where


@pytest.mark.parametrize(
    ("text", "size"),
    [(64, (64, 64)), ("64", (64, 64)), ("96x64", (64, 96)), ("96×64", (64, 96)), (" 96X64 ", (64, 96)),
     ((64, 96), (64, 96)), (None, None), ("native", "native")],
)  # fmt: skip
def test_sizes_are_width_x_height(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "64x", "64x64x3", "-64", "6.4", "big", "64 by 64"])
def test_what_is_no_size_is_explained(text):
    with pytest.raises(UsageError, match="it must be a side of squares"):
        LoadOptions(size=text)


@pytest.mark.parametrize("size", [3, "3x64", (64, 4097), "64x0"])
def test_sizes_out_of_range_are_named(size):
    with pytest.raises(UsageError, match=r"must be in 4\.\.4096 pixels"):
        LoadOptions(size=size)


class TestGeometry:
    def test_cropping_keeps_the_middle_of_the_wanted_proportions(self):
        ramp = torch.arange(40, dtype=torch.uint8).repeat(20, 1)[None, None]  # 20 high, 40 wide
        assert torch.equal(fit(ramp, (20, 10), "crop")[0, 0, 0], torch.arange(15, 25, dtype=torch.uint8))
        assert fit(ramp, (5, 40), "crop").shape == (1, 1, 5, 40)

    def test_padding_keeps_everything_in_the_middle(self):
        black = torch.zeros(1, 1, 20, 40, dtype=torch.uint8)
        padded = fit(black, (40, 60), "pad")[0, 0]
        rows = (padded == 0).all(1).nonzero().flatten()
        assert rows.tolist() == list(range(5, 35)) and padded[:5].min() == 255

    @pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
    @pytest.mark.parametrize("size", [(24, 40), (40, 24), (7, 64)])
    def test_files_and_arrays_agree(self, how, size):
        smooth = Image.fromarray(NOISE.integers(60, 200, (5, 6, 3), dtype=np.uint8)).resize((90, 70), 1 + 2)
        buffer = io.BytesIO()
        smooth.save(buffer, "PNG")
        found = examined_picture(buffer, size, how, 3).pixels.astype(int)
        array = torch.from_numpy(np.asarray(smooth).transpose(2, 0, 1).copy())[None]
        assert found.shape == (3, *size)
        assert np.abs(found - fit(array, size, how)[0].numpy().astype(int)).max() <= 1

    def test_what_cannot_be_seen_bleeds_into_nothing(self):
        image = torch.zeros(1, 4, 8, 8, dtype=torch.uint8)
        image[:, 0], image[:, 3, :, :4] = 200, 255  # opaque red on the left
        image[:, :3, :, 4:] = 255  # white, but transparent
        found = fit(image, (4, 4), "stretch", opacity=True)[0]
        seen = found[3] > 8
        assert seen.any() and (found[0][seen].int() - 200).abs().max() <= 1 and found[1][seen].max() <= 1


class TestChannels:
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
    def test_opacity_comes_and_goes(self, dtype):
        top = {torch.uint8: 255, torch.uint16: 65535, torch.float32: 1}[dtype]
        grey = (torch.rand(2, 1, 4, 5) * top).to(dtype)
        assert recolour(grey, 4).shape == (2, 4, 4, 5) and (recolour(grey, 2)[:, 1].float() == top).all()
        assert torch.equal(recolour(recolour(grey, 2), 1), grey)
        clear = torch.cat([grey, torch.zeros_like(grey)], 1)
        assert (recolour(clear, 3).float() == top).all()  # nothing but white
        assert recolour(clear, 4).shape == (2, 4, 4, 5)

    def test_white_shines_through_by_the_share_of_transparency(self):
        image = torch.tensor([100, 51], dtype=torch.uint8).view(1, 2, 1, 1)
        assert on_white(image).item() == round(0.2 * 100 + 0.8 * 255)

    @pytest.mark.parametrize("grey", [True, False])
    def test_pictures_with_alpha_have_one_channel_more(self, tmp_path, grey):
        values = NOISE.integers(0, 256, (24, 40, 2 if grey else 4), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(values, "LA" if grey else "RGBA").save(buffer, "PNG")
        where = folder(tmp_path / "clear", png=buffer.getvalue())
        kept = open_data(where, size="native", alpha="keep")
        assert np.array_equal(kept.images(torch.tensor([0]))[0].numpy(), values.transpose(2, 0, 1))
        assert any("keep that" in note for note in kept.notes)
        plain = open_data(where, size="native")
        assert plain.shape == (1 if grey else 3, 24, 40)
        assert plain.fingerprint != kept.fingerprint

    def test_pictures_without_alpha_stay_without(self, tmp_path):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, "PNG")
        where = folder(tmp_path / "opaque", png=buffer.getvalue())
        assert open_data(where, alpha="keep").shape == (3, 8, 8)
        assert open_data(where, alpha="keep", channels=4).images(torch.tensor([0]))[0, 3].min() == 255

    @pytest.mark.parametrize("channels", [2, 4, 5, 6])
    @pytest.mark.parametrize("last", [True, False])
    def test_arrays_of_several_channels_keep_them(self, tmp_path, channels, last):
        values = NOISE.integers(0, 256, (6, channels, 24, 40), dtype=np.uint8)
        np.save(tmp_path / "x.npy", values.transpose(0, 2, 3, 1) if last else values)
        data = open_data(tmp_path / "x.npy", alpha="keep")
        assert data.shape == (channels, 24, 40)
        assert np.array_equal(data.images(torch.arange(6)).numpy(), values)
        small = open_data(tmp_path / "x.npy", alpha="keep", size="20x12")
        assert small.shape == (channels, 12, 20)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"channels": 4}, "must be 1 .grey. or 3 .RGB.; with their opacity, --alpha keep, 2 or 4"),
            ({"channels": 5}, "picture files have 1 .grey. or 3"),
            ({"channels": 0}, "The channels are 0"),
            ({"channels": 3, "alpha": "keep"}, "Type --channels 4"),
            ({"alpha": "kept"}, "Did you mean 'keep'"),
            ({"size": "native"}, r"holds pictures of 2 sizes, width x height: 20x10 \(3\), 8x8 \(1\).*--size 20x10"),
        ],
    )
    def test_wrong_uses(self, tmp_path, options, message):
        for number in range(4):
            Image.new("RGB", (20, 10) if number else (8, 8)).save(tmp_path / f"{number}.png")
        with pytest.raises((UsageError, DataError), match=message):
            open_data(tmp_path, **options)

    def test_other_channels_cannot_be_made_of_six(self, tmp_path):
        np.save(tmp_path / "x.npy", np.zeros((6, 6, 24, 40), np.uint8))
        with pytest.raises(UsageError, match="x has 6 channels, which are no grey or RGB, so --channels 3"):
            open_data(tmp_path / "x.npy", channels=3)


class TestMeaning:
    @pytest.mark.parametrize(
        ("shape", "words"),
        [
            ((20, 7), "--modality table"),
            ((20, 9), "--modality table"),
            ((20, 1, 1024), "--modality audio --rate 16000"),
            ((20, 2, 160), "--modality audio --rate 16000"),
            ((20, 24, 3), "--modality series"),
            ((20, 12, 200), "--modality series"),
            ((20, 8, 8, 8), "--modality volume"),
            ((20, 16, 32, 32), "--modality video"),
            ((20, 1, 1, 1024), "--modality image:layout=channels-first"),
            ((20, 5, 3, 32, 32), "--modality video"),
        ],
    )
    def test_floats_that_could_be_anything_are_refused_with_the_words(self, tmp_path, shape, words):
        np.save(tmp_path / "x.npy", NOISE.random(shape, np.float32))
        with pytest.raises(DataError, match=words):
            open_data(tmp_path / "x.npy")

    @pytest.mark.parametrize(
        ("shape", "options", "expected"),
        [
            ((20, 1, 1024), {}, (1, 1, 1024)),
            ((20, 9), {}, (1, 3, 3)),
            ((20, 16, 32, 32), {}, (16, 32, 32)),
            ((20, 8, 8, 8), {"layout": "channels-first"}, (8, 8, 8)),
            ((20, 9, 8, 7), {"layout": "channels-last"}, (7, 9, 8)),
        ],
    )
    def test_what_is_said_to_be_images_is_read_as_images(self, tmp_path, shape, options, expected):
        np.save(tmp_path / "x.npy", NOISE.random(shape, np.float32))
        said = ",".join(f"{key}={value}" for key, value in options.items())
        data = open_data(tmp_path / "x.npy", modality=f"image:{said}" if said else "image")
        assert data.shape == expected


class TestDepth:
    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_sixteen_bits_of_png_are_kept(self, tmp_path, channels):
        values = NOISE.integers(0, 65536, (24, 40, channels), dtype=np.uint16)
        where = folder(tmp_path / "deep", png=png_of(values))
        alpha = "keep" if channels in (2, 4) else "white"
        data = open_data(where, size="native", alpha=alpha, modality="image:bits=16", channels=channels)
        assert data.field.bits == 16 and data.store.read(torch.tensor([0])).dtype == torch.uint16
        assert np.array_equal(data.store.read(torch.tensor([1]))[0].numpy(), values.transpose(2, 0, 1))

    def test_sixteen_bits_of_tiff_are_kept(self, tmp_path):
        values = NOISE.integers(0, 65536, (24, 40, 3), dtype=np.uint16)
        where = folder(tmp_path / "deep", tif=tiff_of(values))
        data = open_data(where, size="native", modality="image:bits=16")
        assert np.array_equal(data.store.read(torch.tensor([1]))[0].numpy(), values.transpose(2, 0, 1))

    def test_what_eight_bits_lose_is_said(self, tmp_path):
        values = NOISE.integers(0, 65536, (24, 40, 3), dtype=np.uint16)
        where = folder(tmp_path / "deep", png=png_of(values))
        data = open_data(where, size="native")
        assert any("4 picture(s) have 16 bits of colour" in note for note in data.notes)
        assert np.array_equal(data.images(torch.tensor([0]))[0].numpy(), (values >> 8).transpose(2, 0, 1))

    def test_floats_of_tiff_are_kept(self, tmp_path):
        values = NOISE.random((24, 40), np.float32)
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "TIFF")
        data = open_data(folder(tmp_path / "deep", tif=buffer.getvalue()), size="native", modality="image:bits=32")
        assert np.array_equal(data.store.read(torch.tensor([0]))[0, 0].numpy(), values)

    def test_eight_bits_become_sixteen_and_floats(self, tmp_path):
        values = NOISE.integers(0, 256, (24, 40, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "PNG")
        where = folder(tmp_path / "plain", png=buffer.getvalue())
        for bits, expected in ((16, values.astype(int) * 257), (32, (values / 255).astype(np.float32))):
            data = open_data(where, size="native", modality=f"image:bits={bits}")
            assert np.array_equal(data.store.read(torch.tensor([0]))[0].numpy(), expected.transpose(2, 0, 1))

    def test_a_header_tells_of_depth_and_opacity(self):
        header = read_header(io.BytesIO(png_of(np.zeros((4, 5, 4), np.uint16))))
        assert header.deep and not header.opaque and (header.width, header.height) == (5, 4)
        assert not read_header(io.BytesIO(png_of(np.zeros((4, 5, 1), np.uint16)))).deep

    @pytest.mark.parametrize(
        ("array", "bits", "expected"),
        [
            (np.uint16, 16, lambda x: x),
            (np.uint16, 32, lambda x: (x / 65535).astype(np.float32)),
            (np.uint8, 16, lambda x: x.astype(int) * 257),
            (np.float32, 32, lambda x: x),
            (np.float64, 16, lambda x: (x * 65535 + 0.5).astype(np.uint16)),
        ],
    )
    def test_arrays_are_kept_at_their_depth(self, tmp_path, array, bits, expected):
        kind = np.dtype(array)
        values = NOISE.random((6, 24, 40)).astype(kind) if kind.kind == "f" else NOISE.integers(
            0, np.iinfo(kind).max, (6, 24, 40), dtype=kind, endpoint=True)  # fmt: skip
        np.save(tmp_path / "x.npy", values)
        data = open_data(tmp_path / "x.npy", modality=f"image:bits={bits}")
        assert np.array_equal(data.store.read(torch.arange(6))[:, 0].numpy(), expected(values))

    def test_levels_are_white_at_sixteen_bits_too(self, tmp_path):
        np.save(tmp_path / "x.npy", np.full((4, 24, 40), 4095, np.uint16))
        data = open_data(tmp_path / "x.npy", levels=4095, modality="image:bits=16")
        assert int(data.store.read(torch.tensor([0])).to(torch.int32).min()) == 65535

    def test_streamed_sets_are_the_same_as_those_in_memory(self, tmp_path):
        values = NOISE.integers(0, 65536, (24, 40, 3), dtype=np.uint16)
        where = folder(tmp_path / "deep", 60, png=png_of(values))
        options = {"size": "20x12", "modality": "image:bits=16"}
        memory, streamed = open_data(where, **options), open_data(where, memory_budget=80_000, **options)
        assert streamed.streams and not memory.streams
        assert torch.equal(memory.store.read(torch.arange(60)), streamed.store.read(torch.arange(60)))
