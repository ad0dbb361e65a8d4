"""Films: raw and float, their files, what is seen of them, facts and distances."""

from __future__ import annotations

import importlib.util
import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.data.moving import MovingShapes
from belamy.errors import MissingExtra, Unreadable, UsageError
from belamy.modalities import MODALITIES, modality
from belamy.modalities.fields import Field
from belamy.modalities.films import as_frames, read_film
from belamy.modalities.video import in_channels
from belamy.registry import Part

KIND = modality("video")
FIELD = Field("video", (5, 3, 16, 24), rate=10.0)


@pytest.fixture
def film() -> torch.Tensor:
    """[5, 3, 16, 24] of few colours: a white block that moves over red."""
    frames = torch.zeros(5, 3, 16, 24, dtype=torch.uint8)
    frames[:, 0] = 200
    for place in range(5):
        frames[place, :, 4:8, 4 * place : 4 * place + 4] = 255
    return frames


def reader(text: str) -> Any:
    return MODALITIES.build(Part.parse(text))


class TestFiles:
    def test_gif_and_npy_there_and_back(self, film: torch.Tensor) -> None:
        for text in ("video", "video:file=npy"):
            kind = reader(text)
            assert torch.equal(kind.decode(kind.encode(film, FIELD), FIELD), film)
        assert KIND.suffix == ".gif" and reader("video:file=npy").suffix == ".npy"

    def test_the_rate_is_kept(self, film: torch.Tensor) -> None:
        assert read_film(KIND.encode(film, FIELD)).rate == 10

    def test_mp4(self, film: torch.Tensor) -> None:
        kind = reader("video:file=mp4")
        data = kind.encode(film, FIELD)
        found = kind.decode(data, FIELD)
        assert (found.float() - film.float()).abs().mean() < 12
        assert read_film(data).rate == 10

    def test_without_the_extra_it_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        with pytest.raises(MissingExtra, match=r"pip install 'belamy\[video\]'"):
            read_film(b"\0\0\0 ftypisom")

    def test_transparent_parts_of_a_gif_are_white(self) -> None:
        frames = [Image.new("RGBA", (8, 8), (0, 0, 0, 0)), Image.new("RGBA", (8, 8), (255, 0, 0, 255))]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=50)
        assert read_film(file.getvalue()).frames[0].min() == 255

    @pytest.mark.parametrize(
        ("data", "words"),
        [(b"GIF89a", "damaged GIF"), (b"nothing at all", "not a film"), (b"", "not a film")],
    )
    def test_what_is_no_film_says_why(self, data: bytes, words: str) -> None:
        with pytest.raises(Unreadable, match=words):
            read_film(data)

    def test_another_size_and_too_few_frames_are_refused(self, film: torch.Tensor) -> None:
        data = KIND.encode(film, FIELD)
        for shape in ((5, 3, 16, 16), (6, 3, 16, 24)):
            with pytest.raises(Unreadable, match="5 frames of 24x16, not"):
                KIND.decode(data, Field("video", shape))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5, 6, 7)), "shape"),
        (np.zeros((4, 5)), "shape"),
        (np.full((4, 5, 6), np.nan), "NaN"),
        (np.full((4, 5, 6), 7.5), "bytes, or floats in 0..1"),
        (np.full((4, 5, 6), -3), "bytes"),
        (np.full((4, 5, 6), "x"), "no pixels"),
    ],
)
def test_arrays_that_are_no_films(array: np.ndarray, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        as_frames(array)


def test_arrays_of_every_layout() -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(as_frames(grey)[..., 0], grey)
    colour = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    assert np.array_equal(as_frames(colour.transpose(0, 3, 1, 2)), colour)
    assert np.array_equal(as_frames(colour / 255), colour)
    assert in_channels(colour, 3).shape == (2, 3, 5, 4) and in_channels(colour, 1).shape == (2, 1, 5, 4)
    assert in_channels(as_frames(grey), 3).shape == (2, 3, 3, 4)


class TestLooks:
    def test_a_strip_for_each_film(self, film: torch.Tensor) -> None:
        sheet = KIND.sheet(film[None], FIELD, 1)
        wide = 2 * 5 * 24
        assert sheet.shape == (4 + 32 + 4, 4 + wide + 4, 3)
        assert (sheet[4 + 12, 4 : 4 + wide].reshape(5, 48, 3)[2, 16:24] == 255).all(), "the third frame's block"

    def test_sheets_are_bounded(self) -> None:
        raw = torch.zeros(64, 16, 3, 128, 128, dtype=torch.uint8)
        assert max(KIND.sheet(raw, Field("video", raw.shape[1:]), 8).shape) <= 4000

    def test_it_plays(self, film: torch.Tensor) -> None:
        (media,) = KIND.media(film[None].expand(9, -1, -1, -1, -1), FIELD)
        moving = Image.open(io.BytesIO(media.data))
        assert media.mime == "image/gif" and moving.n_frames == 5 and moving.info["duration"] == 100

    def test_facts(self, film: torch.Tensor) -> None:
        still = film[:1].expand(5, -1, -1, -1)
        facts = json.loads(json.dumps(KIND.describe(torch.stack([film, still]), FIELD)))
        assert (facts["frames"], facts["rate"], facts["seconds"], facts["still"]) == (5, 10, 0.5, 1)
        assert facts["change"] == pytest.approx(2 * 16 * (55 + 255 + 255) / (3 * 16 * 24) / 2, rel=1e-6)

    def test_distances_are_mean_differences(self) -> None:
        a, b = torch.zeros(1, 2, 1, 3, 3, dtype=torch.uint8), torch.full((1, 2, 1, 3, 3), 255, dtype=torch.uint8)
        assert KIND.distances(a, torch.cat([a, b]), Field("video", (2, 1, 3, 3))).tolist() == [[0, 2]]


@pytest.mark.parametrize("text", ["video:size=2", "video:channels=2", "video:file=avi"])
def test_options_out_of_range(text: str) -> None:
    with pytest.raises(UsageError, match="must be"):
        reader(text)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_shapes_move_as_their_formula_says(kind: int) -> None:
    """The colour of a shape's middle, followed along its way, stays: nothing is drawn over the last shape."""
    scene = MovingShapes(kind, 2, 48, 3)
    colours = []
    for time in range(6):
        x, y = (scene.starts[1] + time * scene.speeds[1]).astype(int)
        colours.append(scene.frame(time)[y, x].astype(int))
    assert np.ptp(np.stack(colours), axis=0).max() <= 24, "up to the texture beside the middle"
