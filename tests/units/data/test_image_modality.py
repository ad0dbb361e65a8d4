"""Pictures as a kind of data: from files to networks and back without loss, at every depth."""

import numpy as np
import pytest
import torch

from belamy.errors import Unreadable, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.image import Modality

KIND = Modality()
DTYPES = {8: torch.uint8, 16: torch.uint16, 32: torch.float32}


def raw_of(field: Field, count: int = 3) -> torch.Tensor:
    torch.manual_seed(0)
    if field.bits == 32:
        return torch.rand(count, *field.shape)
    top = 255 if field.bits == 8 else 65535
    return torch.randint(0, top + 1, (count, *field.shape), dtype=torch.int32).to(DTYPES[field.bits])


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
class TestDepths:
    def test_networks_see_it_between_minus_one_and_one_and_give_it_back(self, bits: int, channels: int) -> None:
        field = Field("image", (channels, 24, 40), bits=bits)
        raw = raw_of(field)
        values = KIND.to_float(raw, field)
        assert values.dtype == torch.float32 and values.min() >= -1 and values.max() <= 1
        again = KIND.to_raw(values, field)
        assert again.dtype == raw.dtype
        if bits == 32:
            torch.testing.assert_close(again, raw, atol=1e-7, rtol=0)
        else:
            assert torch.equal(again, raw)

    def test_a_file_holds_all_of_it(self, bits: int, channels: int) -> None:
        field = Field("image", (channels, 24, 40), bits=bits)
        for sample in raw_of(field):
            assert torch.equal(KIND.decode(KIND.encode(sample, field), field), sample)

    def test_a_sheet_shows_it(self, bits: int, channels: int) -> None:
        field = Field("image", (channels, 24, 40), bits=bits)
        sheet = KIND.sheet(raw_of(field), field)
        assert sheet.dtype == np.uint8 and sheet.shape[2] == 3 and sheet.std() > 10


def test_every_value_of_sixteen_bits_survives() -> None:
    field = Field("image", (1, 256, 256), bits=16)
    every = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(1, 1, 256, 256)
    assert torch.equal(KIND.to_raw(KIND.to_float(every, field), field), every)


def test_values_out_of_range_are_clipped() -> None:
    for bits, top in ((8, 255), (16, 65535), (32, 1.0)):
        raw = KIND.to_raw(torch.tensor([-3.0, 3.0]).view(2, 1, 1, 1), Field("image", (1, 1, 1), bits=bits))
        assert raw.flatten().tolist() == [0, top]


def test_what_networks_see_is_no_view_of_the_file() -> None:
    field = Field("image", (1, 2, 2), bits=32)
    raw = torch.rand(1, 1, 2, 2)
    kept = raw.clone()
    KIND.to_float(raw, field)
    assert torch.equal(raw, kept)


@pytest.mark.parametrize(
    ("shape", "bits", "suffix"),
    [((4, 8, 8), 8, ".png"), ((6, 8, 8), 8, ".npy"), ((3, 8, 8), 16, ".png"), ((1, 8, 8), 32, ".tiff"),
     ((3, 8, 8), 32, ".npy")],
)  # fmt: skip
def test_the_ending_says_what_is_in_the_file(shape: tuple[int, ...], bits: int, suffix: str) -> None:
    assert KIND.suffix_of(Field("image", shape, bits=bits)) == suffix


@pytest.mark.parametrize(
    ("shape", "bits", "message"),
    [((3, 8, 9), 8, "8x8 pixels, not 9x8"), ((6, 8, 8), 8, "3 channels, not 6"), ((3, 8, 8), 32, "")],
)
def test_files_of_another_shape_are_named(shape: tuple[int, ...], bits: int, message: str) -> None:
    plain = Field("image", (3, 8, 8))
    content = KIND.encode(torch.zeros(3, 8, 8, dtype=torch.uint8), plain)
    if not message:
        assert KIND.decode(content, Field("image", shape, bits=bits)).dtype == torch.float32
        return
    with pytest.raises(Unreadable, match=message):
        KIND.decode(content, Field("image", shape, bits=bits))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"\x89PNG\r\n\x1a\n", b"hello"])
def test_what_is_no_picture_is_said(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not a picture"):
        KIND.decode(content, Field("image", (1, 8, 8)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 12}, "image:bits=12, but pictures have 8 or 16 bits"),
        ({"layout": "last"}, "channels-first or channels-last"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Modality(**options)
