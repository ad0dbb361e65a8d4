"""Sheets of pictures: every pixel where it belongs."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import UsageError
from belamy.modalities.grid import BACKGROUND, best_columns, encode_png, grid, within


def pictures(count: int, channels: int = 3, height: int = 3, width: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, channels, height, width), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("columns", "pad", "scale"), [(3, 2, 1), (1, 0, 2), (7, 1, 3)])
def test_every_picture_is_whole_and_in_reading_order(channels: int, columns: int, pad: int, scale: int) -> None:
    images = pictures(7, channels)
    sheet = grid(images, columns=columns, pad=pad, scale=scale)
    rows = math.ceil(7 / columns)
    assert sheet.shape == (pad + rows * (3 * scale + pad), pad + columns * (5 * scale + pad), 3)
    assert sheet.dtype == np.uint8
    covered = np.zeros(sheet.shape[:2], dtype=bool)
    for index in range(7):
        top, left = pad + index // columns * (3 * scale + pad), pad + index % columns * (5 * scale + pad)
        cell = (slice(top, top + 3 * scale), slice(left, left + 5 * scale))
        expected = np.kron(images[index].transpose(1, 2, 0), np.ones((scale, scale, 1), dtype=np.uint8))
        np.testing.assert_array_equal(sheet[cell], np.broadcast_to(expected, sheet[cell].shape))
        assert not covered[cell].any()
        covered[cell] = True
    assert (sheet[~covered] == BACKGROUND).all()


def test_tensors_and_arrays_give_the_same_sheet() -> None:
    np.testing.assert_array_equal(grid(torch.from_numpy(pictures(4))), grid(pictures(4)))


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 3), (7, 4), (10, 5), (12, 4), (64, 8), (100, 10)])
def test_the_layout_has_few_holes_and_is_wide(count: int, columns: int) -> None:
    assert best_columns(count) == columns


def test_a_free_layout_of_any_number_holds_all_and_is_never_taller_than_wide() -> None:
    for count in range(1, 200):
        columns = best_columns(count)
        rows = math.ceil(count / columns)
        assert 1 <= columns / rows <= 4
        assert rows * columns - count < columns


def test_tall_pictures_get_more_columns() -> None:
    assert best_columns(64, aspect=0.25) > 8 > best_columns(64, aspect=4)


def test_small_pictures_become_visible_by_themselves() -> None:
    assert grid(pictures(1, 1, 28, 28), pad=0, scale=None).shape == (56, 56, 3)
    assert grid(pictures(1, 1, 64, 70), pad=0, scale=None).shape == (64, 70, 3)


def test_thin_pictures_are_not_enlarged_beyond_reason() -> None:
    assert grid(pictures(1, 1, 1, 1024), pad=0, scale=None).shape == (1, 1024, 3)
    assert grid(pictures(1, 1, 1, 128), pad=0, scale=None).shape == (4, 512, 3)


def test_opacity_is_shown_over_a_chequered_ground() -> None:
    clear = np.zeros((1, 4, 8, 8), np.uint8)
    clear[:, :3, :, 4:], clear[:, 3, :, 4:] = 200, 255
    sheet = grid(clear, pad=0)
    assert (sheet[:, 4:] == 200).all()
    assert sheet[0, 0].tolist() == [153] * 3 and sheet[4, 0].tolist() == [102] * 3
    assert (grid(clear[:, 2:], pad=0) == sheet).all()  # grey with opacity alike


def test_channels_that_are_no_colours_lie_side_by_side() -> None:
    images = pictures(2, 6, 5, 7)
    sheet = grid(images, columns=1, pad=0)
    cells = sheet[..., 0].reshape(2, 2, 5, 3, 7).transpose(0, 1, 3, 2, 4).reshape(2, 6, 5, 7)
    assert (cells == np.asarray(images)).all()


def test_sheets_too_large_for_films_are_reduced() -> None:
    wide = np.zeros((10, 9000, 3), np.uint8)
    assert within(wide).shape == (4, 3000, 3)
    assert within(wide[:, :4400]) is not None and within(wide[:, :4400]).shape[1] == 4400


def test_captions_stand_under_their_pictures_and_touch_nothing_else() -> None:
    images = pictures(3, 3, 30, 40)
    captions = ["eight", "a name much too long for its cell", "größer 日本"]
    sheet, plain = grid(images, columns=2, captions=captions), grid(images, columns=2, captions=["", "", ""])
    changed = (sheet != plain).any(axis=2)
    strips = np.zeros_like(changed)
    for index in range(3):
        top, left = 2 + index // 2 * (30 + 16 + 2) + 30, 2 + index % 2 * 42
        strips[top : top + 16, left : left + 40] = True
        assert changed[top : top + 16, left : left + 40].any()
    assert not changed[~strips].any()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 1, 4, 4)),
        np.zeros((1, 4, 4), np.uint8),
        np.zeros((0, 1, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 0), np.uint8),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(images: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"uint8 pictures of shape.*got"):
        grid(images)


def test_captions_of_other_scripts_are_drawn_without_empty_boxes() -> None:
    images = pictures(3, 3, 30, 80)
    np.testing.assert_array_equal(
        grid(images, captions=["größer", "naïve\ncafé", "日本"]), grid(images, captions=["grosser", "naive cafe", "??"])
    )


@pytest.mark.parametrize("options", [{"columns": 0}, {"pad": -1}, {"scale": 0}, {"captions": ["one"]}])
def test_options_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(UsageError, match="got"):
        grid(pictures(2), **options)


def test_png_bytes_are_the_picture() -> None:
    sheet = grid(pictures(5))
    with Image.open(io.BytesIO(encode_png(sheet))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), sheet)


def test_captions_are_broken_between_words():
    pictures = np.zeros((2, 3, 64, 64), np.uint8)
    said = ["a face with brown hair and glasses", ""]
    one, four = (grid(pictures, 2, captions=said, lines=lines) for lines in (1, 4))
    assert one.shape[0] == 64 + 16 + 4 and four.shape[0] == 64 + 16 + 2 * 13 + 4  # three lines are enough
    inked = (four[66:, 2:66] > 100).any((1, 2))
    assert [bool(inked[13 * line : 13 * (line + 1)].any()) for line in range(3)] == [True] * 3
    assert not (four[66:, 68:] > 100).any()
