"""Label maps: classes stay classes, from the file to the network and back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import Unreadable
from belamy.modalities import modality, suffix_of
from belamy.modalities.fields import Field
from belamy.modalities.label_map import edges, palette

KIND = modality("label_map")
FIELD = Field("label_map", (5, 7), ("sky", "wall", "door"))


def saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class TestFiles:
    def test_a_file_has_the_classes_as_its_palette_index(self) -> None:
        raw = torch.randint(0, 3, (5, 7), dtype=torch.int32)
        data = KIND.encode(raw, FIELD)
        assert torch.equal(KIND.decode(data, FIELD), raw)
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "P" and image.size == (7, 5)
            colours = np.asarray(image.convert("RGB"))
        assert np.array_equal(colours, palette()[raw.numpy()])
        assert suffix_of(FIELD) == ".png"

    def test_grey_values_are_classes_too(self) -> None:
        classes = np.arange(35, dtype=np.uint8).reshape(5, 7) % 3
        assert torch.equal(
            KIND.decode(saved(Image.fromarray(classes)), FIELD), torch.from_numpy(classes.astype(np.int32))
        )

    @pytest.mark.parametrize(
        ("image", "words"),
        [
            (Image.new("RGB", (7, 5)), "a picture in RGB: a label map has a palette"),
            (Image.new("L", (5, 7)), "5x7 pixels, not 7x5"),
            (Image.new("L", (7, 5), 3), "class 3 is beyond the 3 known classes"),
        ],
    )
    def test_what_is_none_is_refused(self, image: Image.Image, words: str) -> None:
        with pytest.raises(Unreadable, match=words):
            KIND.decode(saved(image), FIELD)
        with pytest.raises(Unreadable, match="not a picture"):
            KIND.decode(b"no picture", FIELD)


class TestValues:
    def test_networks_see_whole_numbers_and_answer_with_scores(self) -> None:
        raw = torch.randint(0, 3, (4, 5, 7), dtype=torch.int32)
        values = KIND.to_float(raw, FIELD)
        assert values.dtype == torch.int64 and torch.equal(KIND.to_raw(values, FIELD), raw.to(torch.uint8))
        scores = torch.nn.functional.one_hot(values, 3).movedim(-1, 1) + 0.1 * torch.rand(4, 3, 5, 7)
        assert torch.equal(KIND.to_raw(scores, FIELD), raw.to(torch.uint8))

    def test_unknown_pixels_are_the_first_class(self) -> None:
        kind = type(KIND)(unknown=255)
        assert kind.known(np.array([[255, 1], [2, 255]])).tolist() == [[0, 1], [2, 0]]

    def test_shares_and_distances(self) -> None:
        raw = torch.tensor([[[0, 0, 1, 2]], [[0, 0, 0, 0]]])
        assert KIND.describe(raw, FIELD) == {"shares": {"0": 6 / 8, "1": 1 / 8, "2": 1 / 8}}
        assert KIND.distances(raw, raw, FIELD).tolist() == [[0, 0.5], [0.5, 0]]

    def test_a_sheet_has_the_colours_of_the_classes(self) -> None:
        sheet = KIND.sheet(torch.full((1, 5, 7), 2), FIELD)
        assert sheet.shape[2] == 3 and tuple(palette()[2]) in {tuple(pixel) for pixel in sheet.reshape(-1, 3).tolist()}
        assert KIND.media(torch.zeros(1, 5, 7), FIELD) == ()

    def test_neighbouring_classes_have_different_colours(self) -> None:
        colours = palette().astype(int)
        assert len({tuple(colour) for colour in colours[:128].tolist()}) == 128
        assert np.abs(colours[1:] - colours[:-1]).sum(1).min() > 60


def test_an_edge_is_where_one_of_four_neighbours_differs() -> None:
    """The example of the documents; the corner of the plain field has equal neighbours alone."""
    found = edges(torch.tensor([[[1, 1, 2], [1, 1, 2], [3, 3, 3]]]))
    assert found.int().tolist() == [[[0, 1, 1], [1, 1, 1], [1, 1, 1]]]
    assert not edges(torch.full((2, 4, 4), 9)).any()
