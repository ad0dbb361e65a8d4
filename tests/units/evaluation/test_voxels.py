"""The extractor of volumes: mean occupancies of a coarse grid."""

from __future__ import annotations

import pytest
import torch

from belamy.data import open_data
from belamy.errors import UsageError
from belamy.evaluation.features.voxels import Extractor
from belamy.judges.extractors import choose
from belamy.modalities.fields import Field


def test_cells_hold_means() -> None:
    field = Field("volume", (1, 4, 4, 4), bits=1)
    volume = torch.zeros(1, 1, 4, 4, 4, dtype=torch.bool)
    volume[0, 0, :2, :2, :2] = True
    volume[0, 0, 3, 3, 3] = True
    found = Extractor(field, cells=2).extract(volume).features
    assert found.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0.125]] and found.dtype == torch.float64
    shares = torch.full((2, 1, 4, 4, 4), 51, dtype=torch.uint8)
    assert Extractor(field._replace(bits=8)).extract(shares).features.flatten().tolist() == pytest.approx([0.2] * 128)


def test_it_is_what_volumes_are_judged_by() -> None:
    data = open_data("shapes:count=30")
    chosen = choose(None, data)
    assert (chosen.name, chosen.digest, chosen.size) == ("voxels", "6x6x6", 216)
    assert choose("voxels:cells=3", data).size == 27
    for text, words in (("voxels:cells=0", "in 1..16"), ("inception", "Choose one of: .*voxels")):
        with pytest.raises(UsageError, match=words):
            choose(text, data)
