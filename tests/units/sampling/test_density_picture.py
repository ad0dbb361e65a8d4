"""The picture of a density over the plane: what it measures, where it puts it, how dark it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.data import Batch, open_data
from belamy.methods import base
from belamy.methods.base import DataSpec
from belamy.modalities.fields import Field
from belamy.modalities.vector import scatter
from belamy.recipes import get
from belamy.sampling.density import density_picture, full_ink, knows_the_plane
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.snapshots import snapshot

RIGHT_ABOVE = torch.tensor([0.5, 0.25])


class OfTheClass(base.BaseMethod):
    """A narrow Gaussian, mirrored in the origin for the second of two classes."""

    likelihood = "exact"

    def __init__(self, classes: tuple[str, ...]) -> None:
        fields: Any = {"vector": Field("vector", (2,))}
        super().__init__(None, DataSpec({**fields, "label": Field("category", (), classes)} if classes else fields))
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        assert batch.labels is not None
        centre = RIGHT_ABOVE * (1 - 2 * batch.labels[:, None])
        return -0.5 * ((batch.main - centre) / 0.05).square().sum(1)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        raise AssertionError


def ink(picture: np.ndarray) -> np.ndarray:
    return 255.0 - picture[..., 0]


def middle(dark: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(dark.shape)
    return np.array([(dark * columns).sum(), (dark * rows).sum()]) / dark.sum()


def test_a_density_lies_where_the_samples_of_a_sheet_do() -> None:
    method = OfTheClass(())
    picture = density_picture(method.train())
    assert picture.shape == (420, 420, 3) and picture.dtype == np.uint8 and method.training
    dots = scatter(RIGHT_ABOVE.numpy()[None])
    assert np.abs(middle(ink(picture)) - middle(ink(dots))).max() < 1
    assert (picture[-50:] == 255).all()


def test_classes_count_alike() -> None:
    one, both = ink(density_picture(OfTheClass(()))), ink(density_picture(OfTheClass(("one", "two"))))
    assert np.abs(both - np.maximum(one, one[::-1, ::-1])).max() <= 1


def test_full_ink_is_for_the_densest_tenth_of_the_mass() -> None:
    assert full_ink(torch.tensor([1.0, 9.0, 10.0, 80.0])) == 80
    assert full_ink(torch.cat([torch.full((91,), 1.0), torch.tensor([9.0])])) == 1.0  # 9 of 100 alone do not decide
    assert full_ink(torch.cat([torch.full((89,), 1.0), torch.tensor([11.0])])) == 11.0
    assert full_ink(torch.tensor([float("inf"), float("nan"), 2.0])) == 2.0
    assert full_ink(torch.zeros(4)) > 0


@pytest.mark.parametrize(("name", "data", "wide"), [("maf-points", "points:count=60", True),
                                                    ("dense-table", "points:count=60", False)])  # fmt: skip
def test_a_snapshot_shows_the_density_beside_the_points_where_it_is_known(name: str, data: str, wide: bool) -> None:
    recipe = get(name).changed(data=data, modality=None, batch=8)
    opened = open_data(data)
    trainer = make_trainer(recipe, opened.spec, opened, Options(device="cpu"), World())
    taken = snapshot(trainer)
    assert taken is not None and knows_the_plane(trainer.method) is wide
    assert taken.sheet.shape == (420, 842 if wide else 420, 3)
    if wide:
        assert np.array_equal(taken.sheet[:, 422:], density_picture(trainer.method))
