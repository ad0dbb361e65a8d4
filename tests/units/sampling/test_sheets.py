"""Pictures by themselves and in sheets: what is compared place by place has no margin."""

from __future__ import annotations

import numpy as np
import torch

from belamy.modalities.fields import Field
from belamy.modalities.label_map import palette
from belamy.sampling.sheets import GAP, picture_of, sheet_of


def test_a_picture_by_itself_has_no_margin() -> None:
    """Else a small picture and what is four times as large would not lie upon each other."""
    raw = torch.randint(0, 256, (3, 8, 12), dtype=torch.uint8)
    assert np.array_equal(picture_of(raw, Field("image", (3, 8, 12))), raw.permute(1, 2, 0).numpy())
    classes = torch.randint(0, 4, (8, 12))
    assert np.array_equal(picture_of(classes, Field("label_map", (8, 12))), palette()[classes.numpy()])


def test_what_is_no_picture_is_shown_as_in_a_sheet() -> None:
    sound, field = torch.zeros(1, 800, dtype=torch.int16), Field("audio", (1, 800), rate=8000)
    assert np.array_equal(picture_of(sound, field), sheet_of(sound[None], field, 1))
    assert sheet_of(torch.zeros(1, 3, 8, 12, dtype=torch.uint8), Field("image", (3, 8, 12)), 1).shape == (
        8 + 2 * GAP, 12 + 2 * GAP, 3
    )  # fmt: skip
