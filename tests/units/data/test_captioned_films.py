"""Drawn films with captions: what is said is what moves; films of users that are brought to their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.api.given_films import read_films
from belamy.data import open_data
from belamy.data.moving_figures import COLOURS, WAYS, figures_of, film, sentence
from belamy.errors import DataError, UsageError
from belamy.modalities.fields import Field
from belamy.modalities.text import strings

SIDE = 32


def test_what_is_said_is_what_moves() -> None:
    """The middle of what has a figure's colour goes as far as its path, in its direction, and nowhere else."""
    for number in range(12):
        frames = film(number, 5, SIDE).astype(float) / 255
        for each in figures_of(number):
            middles = []
            for frame in (frames[0], frames[-1]):
                near = np.abs(frame - np.array(COLOURS[each.colour])).sum(-1) < 0.02
                middles.append(np.argwhere(near).mean(0)[::-1])
            gone = (middles[1] - middles[0]) / SIDE
            wanted = np.multiply(WAYS[each.way], each.path)
            hidden = len(figures_of(number)) > 1  # one may cover a part of the other
            assert np.abs(gone - wanted).max() < (0.16 if hidden else 0.05), (number, sentence(figures_of(number)))


def test_the_set() -> None:
    data = open_data("captioned-films:count=20", length=4)
    column = data.columns["caption"]
    texts = strings(column.store.read(torch.arange(20)), column.field)
    assert texts == [sentence(figures_of(number)) for number in range(20)] and data.shape == (4, 3, 16, 16)
    assert np.array_equal(data.store.read(torch.tensor([7]))[0].permute(0, 2, 3, 1).numpy(), film(7, 4, 16))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"length": 1}, "2 frames"), ({"labels": "x"}, "no labels"), ({"rate": 12}, "--rate"),
     ({"modality": "video:size=8"}, "drawn"), ({"memory_budget": 1000}, "budget")],
)  # fmt: skip
def test_what_is_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        open_data("captioned-films:count=20", **options)


def test_films_are_brought_to_frames_and_size(tmp_path: Path) -> None:
    levels = [10, 60, 110, 160, 210]
    frames = [Image.new("RGB", (24, 16), (level, 0, 0)) for level in levels]
    frames[0].save(tmp_path / "long.gif", save_all=True, append_images=frames[1:], duration=100)
    np.save(tmp_path / "array.npy", np.stack([np.asarray(frame) for frame in frames]))
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    found, skipped = read_films([str(tmp_path)], Field("video", (3, 3, 8, 8)), "crop")
    assert [each.name for each in found] == ["array.npy", "long.gif"] and [name for name, _ in skipped] == [
        "broken.gif"
    ]
    for each in found:
        assert each.raw.shape == (3, 3, 8, 8)
        assert torch.tensor([10, 110, 210]).sub(each.raw[:, 0, 4, 4].long()).abs().max() < 12
    assert read_films([str(tmp_path / "array.npy")], Field("video", (2, 1, 8, 8)), "stretch")[0][0].raw.shape == (
        2,
        1,
        8,
        8,
    )
    with pytest.raises(DataError, match="can be read as film"):
        read_films([str(tmp_path / "broken.gif")], Field("video", (3, 3, 8, 8)), "crop")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no films"):
        read_films([str(tmp_path / "empty")], Field("video", (3, 3, 8, 8)), "crop")
