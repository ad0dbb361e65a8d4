"""Volumes: raw and float, their files, what is seen of them, facts and distances."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data.solids import KINDS, solid
from belamy.errors import Unreadable
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.views import BACKGROUND, Rays, is_covered, view
from belamy.modalities.volume import as_densities, mirrored, pieces, read_binvox, read_volume

KIND = modality("volume")
FULL_OR_EMPTY, BYTES, FLOATS = (Field("volume", (1, 4, 5, 6), bits=bits) for bits in (1, 8, 32))


def binvox(volume: np.ndarray) -> bytes:
    """A binvox file of [y, z, x], written after its description: x slowest, y fastest."""
    height, depth, width = volume.shape
    flat = volume.transpose(2, 1, 0).ravel().astype(np.uint8)
    runs, start = bytearray(), 0
    for place in range(1, len(flat) + 1):
        if place == len(flat) or flat[place] != flat[start] or place - start == 255:
            runs += bytes([int(flat[start]), place - start])
            start = place
    head = f"#binvox 1\ndim {width} {depth} {height}\ntranslate 0 0 0\nscale 1\ndata\n"
    return head.encode() + bytes(runs)


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class TestValues:
    def test_what_networks_see_and_back(self) -> None:
        raw = torch.rand(3, 1, 4, 5, 6) < 0.5
        assert set(KIND.to_float(raw, FULL_OR_EMPTY).unique().tolist()) == {-1, 1}
        for field, values in (
            (FULL_OR_EMPTY, raw),
            (BYTES, torch.randint(0, 256, (3, 1, 4, 5, 6), dtype=torch.uint8)),
            (FLOATS, torch.rand(3, 1, 4, 5, 6)),
        ):
            before = values.clone()
            seen = KIND.to_float(values, field)
            assert torch.equal(values, before) and seen.dtype == torch.float32 and seen.abs().max() <= 1
            again = KIND.to_raw(seen, field)
            assert again.dtype == values.dtype
            torch.testing.assert_close(again, values, rtol=0, atol=1e-6)

    def test_what_networks_make_is_cut(self) -> None:
        made = torch.tensor([-7.0, -0.1, 0.1, 7.0])
        assert KIND.to_raw(made, FULL_OR_EMPTY).tolist() == [False, False, True, True]
        assert KIND.to_raw(made, BYTES).tolist() == [0, 115, 140, 255]
        assert KIND.to_raw(made, FLOATS).tolist() == pytest.approx([0, 0.45, 0.55, 1])


class TestFiles:
    @pytest.mark.parametrize("field", [FULL_OR_EMPTY, BYTES, FLOATS], ids=["bool", "bytes", "floats"])
    def test_there_and_back(self, field: Field) -> None:
        raw = KIND.to_raw(torch.rand(1, *field.shape) * 2 - 1, field)[0]
        data = KIND.encode(raw, field)
        assert np.load(io.BytesIO(data)).shape == (4, 5, 6)
        assert torch.equal(KIND.decode(data, field), raw)

    def test_binvox(self) -> None:
        volume = np.random.default_rng(0).random((3, 4, 5)) < 0.5
        assert np.array_equal(read_binvox(binvox(volume)), volume)
        long = np.zeros((8, 9, 10), bool)
        long[-1, -1, -1] = True
        assert np.array_equal(read_volume(binvox(long)), long), "runs are at most 255 long"

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"hello", "neither a NumPy nor a binvox file"),
            (b"\x93NUMPY\x01\x00", "damaged NumPy"),
            (saved(np.ones((4, 4, 4)))[:-9], "damaged NumPy"),
            (saved(np.array([["a"]])), r"shape \(1, 1\)"),
            (saved(np.full((2, 2, 2), "a")), "no voxels"),
            (saved(np.array([[[None]]], dtype=object)), "damaged NumPy"),
            (saved(np.full((2, 2, 2), np.nan)), "NaN"),
            (saved(np.arange(8.0).reshape(2, 2, 2)), "densities are in 0..1"),
            (saved(np.full((2, 2, 2), 300)), "0..255"),
            (saved(np.zeros((0, 2, 2))), "shape"),
            (b"#binvox 1\ndim 2 2\ndata\n", "without its lines"),
            (b"#binvox 1\ndim 2 2 2\n", "without its lines"),
            (b"#binvox 1\ndim 2 2 2\ndata\n\x01\x07", "promises 8 voxels and holds 7"),
            (b"#binvox 1\ndim 9999 9999 9999\ndata\n\x01\x07", "at most"),
        ],
    )
    def test_what_is_no_volume_says_why(self, data: bytes, words: str) -> None:
        with pytest.raises(Unreadable, match=words):
            read_volume(data)

    def test_another_size_is_refused(self) -> None:
        with pytest.raises(Unreadable, match="2x2x2 voxels, not 4x5x6"):
            KIND.decode(saved(np.eye(2)[None].repeat(2, 0)), FULL_OR_EMPTY)

    def test_types_are_told_from_values(self) -> None:
        assert as_densities(np.array([0, 1, 1])).dtype == bool
        assert as_densities(np.array([0, 7, 255], np.int64)).dtype == np.uint8
        assert as_densities(np.array([-1.0, 1.0])).tolist() == [0, 1]
        assert as_densities(np.array([0.25, 1.0])).tolist() == [0.25, 1]


class TestLooks:
    def test_rays_meet_the_nearest_voxel_and_its_right_face(self) -> None:
        """A cube of one voxel shows three faces, as bright as their directions; the top is the brightest."""
        volume = np.zeros((3, 3, 3), bool)
        volume[1, 1, 1] = True
        picture = Rays(volume.shape, 90, 0.0, 1).picture(volume)[..., 0].astype(int)
        drawn = picture[picture != BACKGROUND]
        assert drawn.max() > 1.7 * drawn.min()
        rows = np.flatnonzero((picture != BACKGROUND).any(1))
        top, bottom = picture[rows[3]], picture[rows[-3]]
        assert top[top != BACKGROUND].min() > bottom[bottom != BACKGROUND].max()
        assert abs((rows[0] + rows[-1]) / 2 - 44.5) < 1, "in the middle"

    def test_what_is_behind_is_hidden(self) -> None:
        front = np.zeros((8, 8, 8), bool)
        front[:, :2] = True  # a wall that faces the viewer
        both = front.copy()
        both[2, 6, 3] = True
        seen = [Rays(front.shape, 64, -0.62, 1).picture(each)[40:] for each in (front, both)]
        assert np.array_equal(*seen)

    def test_a_turn_all_the_way_round_changes_nothing(self) -> None:
        volume = solid(0, 12, np.random.default_rng(0))[None].astype(np.float32)
        assert (view(volume, 40) != view(volume, 40, 2 * np.pi)).mean() < 0.01
        assert (view(volume, 40) != view(volume, 40, 1.0)).mean() > 0.05

    def test_what_is_covered_is_cut_open(self) -> None:
        block = np.ones((1, 10, 10, 10), np.float32)
        block[:, 3:7, 3:7, 3:7] = 0
        assert is_covered(block[0]) and not is_covered(1 - block[0])
        picture = view(block, 40)[0]
        assert picture[10, 10, 0] == 0 and picture[2, 2, 0] == 255

    def test_sheets_are_bounded_and_of_one_size_whatever_they_show(self) -> None:
        field = Field("volume", (1, 6, 6, 6), bits=1)
        noise = torch.rand(8, 1, 6, 6, 6) < 0.5
        sizes = {KIND.sheet(raw, field, 4).shape for raw in (noise, torch.ones_like(noise), torch.zeros_like(noise))}
        assert sizes == {(2 * 98 + 2, 4 * 98 + 2, 3)}
        assert max(KIND.sheet(noise[:1].expand(200, -1, -1, -1, -1), field, 100).shape) <= 4000

    def test_they_turn(self) -> None:
        field = Field("volume", (1, 8, 8, 8), bits=1)
        raw = torch.from_numpy(np.stack([solid(kind, 8, np.random.default_rng(kind)) for kind in range(3)]))[:, None]
        (media,) = KIND.media(raw, field)
        film = Image.open(io.BytesIO(media.data))
        assert media.mime == "image/gif" and film.n_frames == 24


class TestFacts:
    def test_of_a_small_set(self) -> None:
        volumes = torch.zeros(4, 1, 4, 4, 4, dtype=torch.bool)
        volumes[0, 0, 0, 0, [0, 3]] = True  # two pieces, mirrored
        volumes[1, 0, 0, 0, :2] = True  # one, not mirrored
        volumes[2] = True
        facts = json.loads(json.dumps(KIND.describe(volumes, Field("volume", (1, 4, 4, 4), bits=1))))
        assert facts["empty"] == facts["full"] == 1
        assert facts["pieces"] == (2 + 1 + 1 + 0) / 4
        assert facts["in_one_piece"] == facts["mirrored"] == 0.5
        assert facts["occupancy"] == pytest.approx((2 + 2 + 64 + 0) / 256)

    def test_distances_are_one_minus_the_overlap(self) -> None:
        a, b = torch.zeros(2, 1, 2, 2, 2, dtype=torch.bool), torch.ones(1, 1, 2, 2, 2, dtype=torch.bool)
        a[0, 0, 0] = True
        field = Field("volume", (1, 2, 2, 2), bits=1)
        assert KIND.distances(a, b, field).flatten().tolist() == [0.5, 1.0]
        assert KIND.distances(a, a, field).diag().tolist() == [0, 0]
        shares = torch.tensor([0.2, 0.8]).expand(1, 1, 1, 1, 2), torch.tensor([0.6, 0.4]).expand(1, 1, 1, 1, 2)
        found = KIND.distances(*shares, Field("volume", (1, 1, 1, 2), bits=32))
        assert float(found) == pytest.approx(1 - (0.2 + 0.4) / (0.6 + 0.8))


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
@pytest.mark.parametrize("side", [8, 16, 33])
def test_drawn_solids_are_in_one_piece_and_mirrored(kind: int, side: int) -> None:
    drawn = np.stack([solid(kind, side, np.random.default_rng(seed)) for seed in range(40)])
    assert {pieces(each) for each in drawn} == {1} and mirrored(drawn).all()
    assert 0.01 < drawn.mean() < 0.3
