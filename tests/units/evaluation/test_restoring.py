"""A method that makes its own sources: what is measured beside its translations, and that sources are seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from belamy.api import translate as api
from belamy.api.given_files import _enlarged
from belamy.api.making import Manner, made
from belamy.api.translation_measures import measured
from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.own import own_measures
from belamy.methods.base import BaseMethod, BaseRecipe, DataField, Restores, Translates, given_field
from belamy.seeds import SampleDraws


class Doubling(BaseMethod):
    """Learns nothing: noisy pictures of half the size, which it enlarges a little brighter."""

    source, target = "small", "image"

    @property
    def degraded(self) -> DataField:
        channels, height, width = self.spec.shape
        return self.spec.field._replace(shape=(channels, height // 2, width // 2))

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        noise = draws.normal("noise", len(values), values.shape[1], values.shape[2] // 2, values.shape[3] // 2)
        return avg_pool2d(values, 2) + 0.1 * noise.to(values)

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        return {"untouched": interpolate(source, scale_factor=2.0), "dark": -torch.ones_like(source)}

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        return interpolate(source, scale_factor=2.0) + 0.1


@pytest.fixture
def data() -> Dataset:
    pixels = torch.randint(30, 220, (40, 1, 16, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels))


@pytest.fixture
def method(data: Dataset) -> Doubling:
    made = Doubling(BaseRecipe(), data.spec)
    made.weight = torch.nn.Parameter(torch.zeros(1))
    return made


def test_it_restores_and_says_what_it_is_given(method: Doubling) -> None:
    assert isinstance(method, Restores) and isinstance(method, Translates)
    assert given_field(method).shape == (1, 8, 12)


def test_its_own_measures_stand_beside_those_of_rivals(method: Doubling, data: Dataset) -> None:
    found = {each.name: each.value for each in own_measures(method, data)}
    usual = ("l1", "psnr", "ssim", "perceptual")
    assert found.keys() == {f"{who}-{what}" for who in ("translation", "untouched") for what in usual}
    assert found["untouched-psnr"] > found["translation-psnr"]  # the rival of another shape is left out


def test_held_out_pictures_are_given_as_files_would_hold_them(method: Doubling, data: Dataset) -> None:
    at_once, singly = (api._held_out(data, method, False, 3, batch) for batch in (16, 1))
    assert all(torch.equal(one[1], other[1]) for one, other in zip(at_once, singly, strict=True))
    assert at_once[0][1].dtype == torch.uint8 and at_once[0][1].shape == (1, 8, 12)
    assert not torch.equal(at_once[0][1], api._held_out(data, method, False, 4, 16)[0][1])
    assert torch.equal(at_once[0][2], data.raw(data.held_out)["image"][0])


def test_translations_are_measured_beside_the_inputs_enlarged(method: Doubling, data: Dataset) -> None:
    found, field = api._held_out(data, method, False, 0, 16), data.field
    given = [raw for _, raw, _ in found]
    results = made(method, method.translate, given, given_field(method), field, Manner())[0]
    items = [api.Translation(name, raw, new, known) for (name, raw, known), new in zip(found, results, strict=True)]
    triples = [(item.given, item.made, item.wanted) for item in items]
    notes: list[str] = []
    measures = measured(triples, method, given_field(method), field, notes)
    assert not notes
    own = {each.name: each.value for each in own_measures(method, data)}
    for who, name in (("made", "translation"), ("untouched", "untouched")):  # in one unit, but for files' rounding
        assert own[f"{name}-l1"] == pytest.approx(float(measures[who]["l1"].mean()), rel=0.01)
    assert measures.keys() == {"made", "untouched"}
    wanted = torch.stack([item.wanted for item in items]).double()
    enlarged = interpolate(torch.stack(given).double(), scale_factor=2.0)
    by_hand = (enlarged - wanted).abs().flatten(1).mean(1) / 255
    assert measures["untouched"]["l1"] == pytest.approx(by_hand, abs=1e-7)
    shown = api.Translations(given_field(method), field, items, measures["made"], measures["untouched"], {
        "nearest": measures["untouched"]
    })  # fmt: skip
    assert shown.page().count("nearest") == 1
    assert shown.beside()["nearest"]["l1"].mean is not None
    assert replace(shown, rivals={}).beside() == {}


def test_targets_are_brought_to_a_size_as_much_larger(method: Doubling) -> None:
    field = method.spec.field
    assert _enlarged((10, 6), given_field(method), field) == (20, 12)
    assert _enlarged((10, 6), field, field) == (10, 6) and _enlarged(None, field, field) is None
