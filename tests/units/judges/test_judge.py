"""A judge that is blind says so: it learns from few pictures, is tested beside a linear model, and gives way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from belamy.data import Batches
from belamy.data.dataset import Attribute, Computed, Dataset, Memory
from belamy.evaluation.panel import Panel
from belamy.judges import attribute_predictors, judge
from belamy.judges.classifier_score import learned
from belamy.judges.extractors import choose
from belamy.judges.judge import HeldOut, examined, extractor, held_out, recipe, trained_judge
from belamy.methods.base import DataSpec
from belamy.methods.classifier import Method, Recipe
from belamy.networks.layers import moving_share
from belamy.registry import Part
from belamy.sampling.draw import unsettled
from belamy.seeds import Draws

SIDE = 8


def bars(count: int, blind: bool = False) -> Dataset:
    """Bars in one of four columns, at any height and of either sign; blind, with labels that say nothing."""
    source = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 4
    pixels = torch.full((count, 1, SIDE, SIDE), 128.0)
    tops = torch.randint(0, SIDE - 3, (count,), generator=source)
    signs = torch.randint(0, 2, (count,), generator=source) * 2 - 1
    for row, (label, top, sign) in enumerate(zip(labels, tops, signs, strict=True)):
        pixels[row, 0, top : top + 4, 2 * label : 2 * label + 2] += 90 * sign
    pixels += 20 * torch.randn(pixels.shape, generator=source)
    if blind:
        labels = labels[torch.randperm(count, generator=source)]
    images = pixels.clamp(0, 255).to(torch.uint8)
    return Dataset("bars", Memory(images), labels=labels, classes=("a", "b", "c", "d"))


def like(count: int, classes: int = 2) -> Dataset:
    """A data set of a size, with no pixels to speak of."""
    pixels = Computed(lambda rows: torch.zeros(len(rows), 1, 32, 32, dtype=torch.uint8), count, (1, 32, 32), print)
    labels = torch.arange(count) % classes
    return Dataset("like", pixels, labels=labels, classes=tuple(map(str, range(classes))),
                   official={"train": torch.arange(count)})  # fmt: skip


@pytest.mark.parametrize("count", [2, 45, 742, 1617, 10_000, 19_999, 20_000, 60_000, 100_000])
def test_however_short_the_run_its_statistics_forget_their_beginning(count: int) -> None:
    made = recipe(like(count))
    steps, momentum = made.train_samples // made.batch, made.classifier.options["momentum"]
    assert (1 - momentum) ** steps < 1e-6
    assert 32_000 <= made.train_samples <= 240_000 and steps >= 500


def test_few_pictures_are_put_under_noise_and_many_are_not() -> None:
    few, many = recipe(like(1000)), recipe(like(60_000))
    assert (few.noise, few.batch) == (0.1, 64)
    assert (many.noise, many.batch, many.train_samples) == (0.0, 128, 240_000)
    assert many.classifier.options["momentum"] == 0.01


@pytest.mark.parametrize(("momentum", "sees"), [(moving_share(62), True), (0.01, False)])
def test_a_short_run_sees_by_statistics_that_fit_it(momentum: float, sees: bool) -> None:
    """With Keras' momentum half of the initial statistics are left, and nearly all images are called one class."""
    data, network = bars(400), Part(name="convnet", momentum=momentum)
    found = examined(learned(data, recipe(data).changed(train_samples=62 * 64, classifier=network)), data)
    assert found.count == 40 and (found.right >= 36) is sees, found


@pytest.mark.parametrize(
    ("right", "linear", "count", "trusted"),
    [(90, 80, 100, True), (80, 90, 100, False), (80, 80, 100, False), (95, 95, 100, True), (0, 0, 0, False)],
)
def test_a_judge_is_trusted_where_it_is_better_than_a_linear_model(
    right: int, linear: int, count: int, trusted: bool
) -> None:
    assert HeldOut(right, linear, count).trusted is trusted


def test_what_a_judge_is_worth_is_said_in_words() -> None:
    assert str(HeldOut(7, 15, 20)) == "35.0% of 20 held-out images told right, a linear model 75.0%"
    assert str(HeldOut(0, 0, 0)) == "no image was held out to test it"


def test_naming_the_commonest_class_is_no_sight() -> None:
    """A constant is a linear model too: four of five images are of one class."""
    images = torch.randint(0, 256, (300, 1, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = Dataset("noise", Memory(images), labels=(torch.arange(300) % 5 == 0).long(), classes=("x", "y"))
    held = data.indices("test")
    assert data.labels is not None
    assert examined(Constant(), data).linear >= int((data.labels[held] == 0).sum())


class Constant(torch.nn.Module):
    """Always says the first class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(len(images), -1)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that learn next to nothing, in a moment."""
    made = recipe(like(100)).changed(train_samples=256)
    monkeypatch.setattr(judge, "recipe", lambda data: made)


@pytest.mark.usefixtures("short")
def test_a_blind_judge_gives_way_and_says_so(tmp_path: Path) -> None:
    data, said = bars(100, blind=True), []
    run = trained_judge(data, tmp_path)
    assert not held_out(run).trusted and held_out(run).count == 10
    chosen = choose(None, data, cache=tmp_path, say=said.append)
    assert chosen.name == "efficientnet-lite0"
    assert "cannot be trusted" in said[-1] and "10 held-out images told right, a linear model" in said[-1]
    found = Panel(chosen, data, "train", ["diversity"]).judge([(data.images(torch.arange(20)), None)])
    assert said[-1] in found.notes
    asked = choose("classifier", data, cache=tmp_path, say=said.append)
    assert asked.name == "judge-convnet"
    card = Panel(asked, data, "train", ["diversity"]).card(20, 0, "none")
    assert f"({held_out(run)})" in str(card)
    assert asked.notes == (f"The judge trained on bars cannot be trusted ({held_out(run)}).",)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("short")
def test_a_judge_without_held_out_images_is_not_trusted(tmp_path: Path) -> None:
    data = bars(12)
    assert "test" not in data.splits
    assert extractor(data, trained_judge(data, tmp_path)).name == "efficientnet-lite0"


def test_accuracy_is_no_difference_between_protocols() -> None:
    data = bars(40)
    panel = Panel(choose("pixels", data), data, "train", ["diversity"])
    one, other = (panel.card(20, 0, "none") for _ in range(2))
    object.__setattr__(other, "accuracy", "90.0% of 20 held-out images told right")
    assert one.differences(other) == []


def test_noise_on_training_images_has_the_deviation_asked_for() -> None:
    seen: list[torch.Tensor] = []
    data = bars(400)
    for noise in (0.0, 0.5):
        method = Method(Recipe(noise=noise), data.spec)
        method.classifier.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
        next(method.play(Batches(data, "train", 300, 0), Draws(0, 0)))
    assert 0.48 < (seen[1] - seen[0]).std() < 0.52


def test_attribute_predictors_say_what_they_are_worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, said = bars(100), []
    bright = data.images(torch.arange(100)).double().mean((1, 2, 3)) > 128
    data.attributes["bright"] = Attribute(("no", "yes"), bright.long())
    monkeypatch.setattr(attribute_predictors, "LEAST", 2560)
    attribute_predictors.attribute_predictors(data, ["bright"], tmp_path, said.append)
    assert re.fullmatch(
        r"Of 10 held-out images of bars are told right: bright \d+\.0% \(the commonest value: \d+\.0%\)\.", said[-1]
    )


def test_images_of_a_training_too_short_for_its_statistics_are_named() -> None:
    method = Method(Recipe(classifier=Part(name="convnet"), batch=64), DataSpec.pictures((1, 8, 8), ("a", "b")))
    assert unsettled(method, 157 * 64).startswith("After 157 steps up to 21% of the initial statistics")
    assert unsettled(method, 400 * 64) == ""
    dense = Method(Recipe(batch=64), DataSpec.pictures((1, 8, 8), ("a", "b")))
    assert unsettled(dense, 64) == ""
