"""What a look at a translator measures, in broken and whole methods, and that it changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.methods import cut, cyclegan, inpainting, pix2pix, super_resolution
from belamy.methods.base import METHODS, BaseRecipe
from belamy.registry import Part
from belamy.runs.run import method_name
from belamy.training.trainer import Trainer, fresh
from belamy.training.watch.observe import Watch

RECIPES: dict[str, BaseRecipe] = {
    "pix2pix": pix2pix.Recipe.tiny(),
    "cyclegan": cyclegan.Recipe.tiny(),
    "cut": cut.Recipe.tiny(),
    "inpainting": inpainting.Recipe.tiny().changed(
        adversarial_weight=1.0, discriminator=Part(name="patch-gan", width=4, receptive_field=16),
        perceptual_weight=0.0, style_weight=0.0,
    ),
    "super-resolution": super_resolution.Recipe.tiny().changed(first_stage=1.0),
}  # fmt: skip


def noise(count: int, channels: int, seed: int, labels: bool = False) -> Dataset:
    pixels = torch.randint(256, (count, channels, 32, 32), generator=torch.Generator().manual_seed(seed)).byte()
    told = {"labels": torch.arange(count) % 2, "classes": ("a", "b")} if labels else {}
    return Dataset(f"noise {seed}", Memory(pixels), **told)  # type: ignore[arg-type]


def trainer_of(recipe: BaseRecipe, data: Dataset | None = None) -> Trainer:
    """A trainer at the beginning, on noise where nothing else is given."""
    if data is None:
        if isinstance(recipe, pix2pix.Recipe):
            data = open_data("outlines:count=80")
        elif isinstance(recipe, cyclegan.Recipe | cut.Recipe):
            data = noise(60, 3, 0).changed(sides={"other": noise(50, 3, 1)})
        else:
            data = noise(60, 3, 0)
    spec = data.spec
    return Trainer(
        fresh(lambda: METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec), 0, torch.device("cpu"),
              torch.float32), data,
    )  # fmt: skip


def look(trainer: Trainer) -> dict[str, Any]:
    return Watch(trainer).look()


@pytest.mark.parametrize("name", RECIPES)
def test_looking_leaves_training_bit_equal(name: str) -> None:
    watched, alone = trainer_of(RECIPES[name]), trainer_of(RECIPES[name])
    for _ in range(2):
        watched.step()
        alone.step()
        look(watched)
    told, expected = watched.state().tensors, alone.state().tensors
    assert told.keys() == expected.keys()
    assert all(torch.equal(told[key], expected[key]) for key in told)
    assert watched.method.training and all(parameter.grad is None for parameter in watched.method.parameters())


EXPECTED = {
    "pix2pix": {"variety", "spots", "seam", "seam_inside", "change", "likeness", "shift"},
    "cyclegan": {"variety", "spots", "seam", "seam_inside", "change", "likeness", "shift", "negative", "way",
                 "sides_apart"},
    "inpainting": {"variety", "spots", "seam", "seam_inside", "change", "likeness", "shift", "jump"},
    "super-resolution": {"variety", "spots", "seam", "seam_inside", "change", "likeness", "shift"},
}  # fmt: skip
EXPECTED["cut"] = EXPECTED["cyclegan"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_look_tells_all_that_signs_need(name: str) -> None:
    row = look(trainer_of(RECIPES[name]))
    assert row["translation"].keys() == EXPECTED[name]
    assert row["finite"] == 1.0 and row["pattern"] > 0
    assert bool(row["reach"]) == (name != "super-resolution"), "without a game nothing is to reach the generator"
    if row["reach"]:
        assert row["reach"]["game"] > 0 and 0 < row["reach"]["share"] < 1


def returning(trainer: Trainer, make: Any) -> Trainer:
    """The trainer with a translator that gives what a function makes of its input."""
    trainer.method.translate = lambda source, draws: make(source)  # type: ignore[union-attr, assignment]
    return trainer


def test_copies_negatives_and_constants_are_told_from_each_other() -> None:
    def told(make: Any) -> dict[str, float]:
        row: dict[str, float] = look(returning(trainer_of(RECIPES["cut"]), make))["translation"]
        return row

    copy, negative, constant = told(lambda x: x), told(lambda x: -x), told(torch.zeros_like)
    assert copy["change"] == 0 and copy["way"] == 0 and copy["likeness"] == pytest.approx(1, abs=1e-4)
    assert negative["likeness"] == pytest.approx(-1, abs=1e-4) and negative["variety"] == pytest.approx(1, abs=0.1)
    assert constant["variety"] == 0


def test_what_is_not_finite_is_said_and_nothing_else() -> None:
    row = look(returning(trainer_of(RECIPES["cut"]), lambda x: x * float("nan")))
    assert row["finite"] == 0.0 and "translation" not in row


def test_holes_are_measured_within() -> None:
    def filled(source: Tensor) -> Tensor:
        return torch.where(source[:, -1:] > 0, source[:, :-1], torch.ones_like(source[:, :-1]))

    row = look(returning(trainer_of(RECIPES["inpainting"]), filled))["translation"]
    assert row["variety"] == pytest.approx(0, abs=1e-5) and row["shift"] > 1, "white holes"


def test_a_gradient_that_is_cut_off_does_not_reach() -> None:
    trainer = trainer_of(RECIPES["pix2pix"])
    judge = trainer.method.judge
    trainer.method.judge = lambda given, pictures, features=False: judge(given, pictures.detach(), features)  # type: ignore
    assert look(trainer)["reach"] == {"game": 0.0, "share": 0.0}


def test_classes_are_told_where_both_sides_have_the_same() -> None:
    data = noise(60, 3, 0, labels=True).changed(sides={"other": noise(50, 3, 1, labels=True)})
    row = look(trainer_of(RECIPES["cut"], data))["translation"]
    assert sum(row["classes_given"]) == sum(row["classes_made"]) == 16
    assert sum(row["classes_there"]) == pytest.approx(1, abs=1e-4) and 0 <= row["classes_kept"] <= 1


def test_sides_of_other_channels_are_not_compared() -> None:
    data = noise(60, 3, 0).changed(sides={"other": noise(50, 4, 1)})
    row = look(trainer_of(RECIPES["cyclegan"], data))["translation"]
    assert row.keys() == {"variety", "spots", "seam", "seam_inside", "shift"}
