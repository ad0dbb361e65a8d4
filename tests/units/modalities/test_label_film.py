"""Films of label maps and optical flow: files, colours, what is shown, refusals."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import Unreadable, UsageError
from belamy.modalities import modality
from belamy.modalities.animation import encode_gif
from belamy.modalities.fields import Field
from belamy.modalities.label_film import classes_by_colour, coloured
from belamy.modalities.label_map import palette

KIND = modality("label_film")
FIELD = Field("label_film", (4, 6, 8), ("sky", "wall", "door"), rate=12.0)
FLOW = Field("flow", (4, 3, 6, 8), rate=12.0)


@pytest.fixture
def films() -> torch.Tensor:
    return torch.randint(0, 3, (2, 4, 6, 8), generator=torch.Generator().manual_seed(0)).int()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class TestFiles:
    def test_round_trip(self, films: torch.Tensor) -> None:
        assert torch.equal(KIND.decode(KIND.encode(films[0], FIELD), FIELD), films[0])
        assert KIND.to_float(films, FIELD).dtype == torch.long
        assert torch.equal(KIND.to_raw(films.long(), FIELD), films.to(torch.uint8))

    def test_a_film_in_the_colours_of_the_classes(self, films: torch.Tensor) -> None:
        frames = [frame.permute(1, 2, 0).numpy() for frame in coloured(films)[0]]
        assert torch.equal(KIND.decode(encode_gif(frames, 1.0, 0.0), FIELD), films[0])

    def test_what_a_codec_changes_does_no_harm(self, films: torch.Tensor) -> None:
        frames = coloured(films)[0].permute(0, 2, 3, 1).numpy().astype(int)
        noisy = (frames + np.random.default_rng(0).integers(-20, 21, frames.shape)).clip(0, 255).astype(np.uint8)
        assert np.array_equal(classes_by_colour(noisy, 3), films[0].numpy())

    def test_a_picture_is_one_frame(self, films: torch.Tensor) -> None:
        image = Image.fromarray(films[0, 0].to(torch.uint8).numpy(), mode="P")
        image.putpalette(palette().tobytes())
        file = io.BytesIO()
        image.save(file, "PNG")
        found = KIND.decode(file.getvalue(), FIELD._replace(shape=(1, 6, 8)))
        assert torch.equal(found, films[0, :1])

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"\x93NUMPY rubbish", "damaged"),
            (npy(np.zeros((4, 6))), "whole numbers"),
            (npy(np.full((4, 6, 8), 3)), "the class 3, but the known ones are 0..2"),
            (npy(np.full((4, 6, 8), -2)), "the class -2"),
            (npy(np.zeros((2, 6, 8), int)), "2 frames of 8x6, not 4"),
            (encode_gif([np.full((6, 8, 3), 255, np.uint8)] * 2, 1.0), "away from those of classes"),
        ],
    )
    def test_what_cannot_be_read(self, data: bytes, words: str) -> None:
        with pytest.raises(Unreadable, match=words):
            KIND.decode(data, FIELD)


class TestFlow:
    def test_round_trip_and_refusals(self) -> None:
        kind, flow = modality("flow"), torch.randn(4, 3, 6, 8)
        assert torch.equal(kind.decode(kind.encode(flow, FLOW), FLOW), flow)
        for data in (b"rubbish", npy(np.zeros((4, 2, 6, 8))), npy(np.full((4, 3, 6, 8), np.nan))):
            with pytest.raises(Unreadable):
                kind.decode(data, FLOW)

    def test_facts_and_distances(self) -> None:
        kind, flow = modality("flow"), torch.zeros(2, 4, 3, 6, 8)
        flow[:, 1:, 0], flow[:, 1:, 1], flow[:, 1:3, 2] = 3, 4, 1
        assert kind.describe(flow, FLOW) == {"mean": 5, "farthest": 5, "seen": pytest.approx(2 / 3)}
        assert kind.distances(flow, flow + 1, FLOW).tolist() == [[1, 1], [1, 1]]
        assert kind.to_raw(kind.to_float(flow, FLOW), FLOW).equal(flow)


def test_both_can_be_looked_at_and_played(films: torch.Tensor) -> None:
    for kind, raw, field in ((KIND, films, FIELD), (modality("flow"), torch.randn(2, 4, 3, 6, 8), FLOW)):
        assert kind.sheet(raw, field).shape[2] == 3
        assert kind.media(raw, field)[0].mime == "image/gif"


def test_facts_and_distances(films: torch.Tensor) -> None:
    facts = KIND.describe(films, FIELD)
    assert facts["frames"] == 4 and sum(facts["shares"].values()) == pytest.approx(1) and 0 < facts["change"] < 1
    assert KIND.distances(films, films, FIELD).diag().tolist() == [0, 0]


def test_unknown_classes() -> None:
    from belamy.modalities import MODALITIES
    from belamy.registry import Part

    kind = MODALITIES.build(Part(name="label-film", unknown=255))
    raw = np.zeros((4, 6, 8), int)
    raw[0] = 255
    assert not kind.decode(npy(raw), FIELD).any()
    with pytest.raises(UsageError):
        MODALITIES.build(Part(name="label-film", unknwon=1))
